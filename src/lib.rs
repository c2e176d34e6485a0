//! 派单 paidan.

pub mod city;
pub mod dispatch;
pub mod effect;
pub mod fingerprint;
pub mod geo;
pub mod ids;
pub mod record;
pub mod report;
pub mod time;
pub mod understand;
