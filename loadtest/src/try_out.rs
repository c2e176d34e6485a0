//! The main job on a fresh machine: a bench file, its city, and paidan's decisions about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// What to try.
#[derive(clap::Args)]
pub struct Args {
    /// How many lines
    #[arg(default_value_t = 1_000_000)]
    lines: u64,
    /// Where to leave the file, the city, the journal and the decisions
    #[arg(long, default_value = "target/try")]
    folder: PathBuf,
}

/// Makes the file and runs paidan on it, with a durable journal.
///
/// # Errors
/// If a file cannot be written, or paidan does not build or run.
pub fn run(args: &Args) -> Outcome {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let (file, city, data) = (folder.join("reports.ndjson"), folder.join("city"), folder.join("data"));
    if data.exists() {
        std::fs::remove_dir_all(&data).map_err(|error| format!("cannot clear {}: {error}", data.display()))?;
    }
    eprintln!("1. {} reports of a city's hour → {}", args.lines, file.display());
    crate::r#gen::run(args.lines, &file, 1)?;
    crate::bench_city::write(&city)?;
    let paidan = build()?;
    let out = folder.join("decisions.ndjson");
    let mut command = Command::new(&paidan);
    command.arg("run").arg(&file).arg("--city").arg(&city).arg("--data").arg(&data).arg("--out").arg(&out);
    eprintln!("2. {}", shown(&command));
    let status = command.status().map_err(|error| format!("cannot run {}: {error}", paidan.display()))?;
    if !status.success() {
        return Err(format!("paidan ended with {status}"));
    }
    eprintln!("3. decisions in {}, one JSON object a line; audit the journal with:", out.display());
    eprintln!("   {} verify {}", paidan.display(), data.display());
    Ok(())
}

/// The paidan that lies beside this program, built if need be.
fn build() -> Outcome<PathBuf> {
    let here = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let folder = here.parent().unwrap_or(Path::new("."));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--package", "paidan"]);
    let built = command.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.success() {
        return Err("paidan does not build; see the lines above".to_owned());
    }
    Ok(folder.join("paidan"))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
