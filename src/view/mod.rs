//! Views: pure folds of records and effects. What anyone sees is one of these.

pub mod decision;
pub mod ledger;
pub mod paper;
pub mod whereabouts;
