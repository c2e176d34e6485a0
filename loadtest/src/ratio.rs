//! stub
use crate::Outcome;
/// a
#[derive(clap::Args)]
pub struct Args {}
/// b
pub fn run(_: &Args) -> Outcome {
    Err("ratio is not there yet".into())
}
