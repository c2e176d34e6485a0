//! Views: pure folds of records and effects. What anyone sees is one of these.

pub mod board;
pub mod census;
pub mod decision;
pub mod explain;
pub mod ledger;
pub mod overview;
pub mod paper;
mod receipt;
pub mod whereabouts;
