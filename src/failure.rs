//! What can stop a command, with the exit code that says which kind it was.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use crate::city::Problems;
use crate::data::ReplayError;
use crate::engine::EngineError;
use crate::journal::error::JournalError;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// The city is not in order.
    City {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong with it.
        problems: Problems,
    },
    /// An input is not what it was, or the folder belongs to another run.
    Refused(String),
    /// The machine: a file cannot be read or written.
    Machine(String),
    /// The journal is damaged, or does not lead to what it says.
    Damaged(String),
    /// The ledger does not close.
    Ledger(String),
}

impl Failure {
    /// A file that cannot be used.
    pub fn file(doing: &str, path: &std::path::Path, cause: &std::io::Error) -> Self {
        Self::Machine(format!("cannot {doing} {}: {cause}", path.display()))
    }

    /// An input that cannot be read: what it holds is not acceptable, or the machine fails.
    pub fn input(path: &std::path::Path, cause: &std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, InvalidInput, IsADirectory};
        match cause.kind() {
            InvalidData | InvalidInput | IsADirectory => {
                Self::Refused(format!("输入有误 cannot read {}: {cause}", path.display()))
            }
            _ => Self::file("read", path, cause),
        }
    }

    /// Inputs that ended before their end, if some did.
    pub fn broken(inputs: &[(PathBuf, std::io::Error)]) -> Option<Self> {
        let mut failures = inputs.iter().map(|(path, cause)| Self::input(path, cause));
        let first = failures.next()?;
        let rest: String = failures.map(|failure| format!("\n{failure}")).collect();
        let told = format!("{first}{rest}\n其余已处理完毕 what came before, and every other input, is decided");
        Some(if first.code() == 1 { Self::Machine(told) } else { Self::Refused(told) })
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Machine(_) => 1,
            Self::Usage(_) | Self::City { .. } | Self::Refused(_) => 2,
            Self::Damaged(_) | Self::Ledger(_) => 3,
        }
    }
}

/// Says something to whoever started the command. Nobody may be listening any more, and that is no reason to fail.
pub fn tell(what: fmt::Arguments<'_>) {
    let _ = std::io::stderr().write_fmt(what);
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::City { folder, problems } => {
                write!(f, "城市配置有误 the city in {} is not in order:\n{problems}", folder.display())
            }
            Self::Usage(text) | Self::Refused(text) | Self::Machine(text) => f.write_str(text),
            Self::Damaged(text) => write!(f, "日志损坏 the journal cannot be trusted: {text}"),
            Self::Ledger(text) => write!(f, "账不平 the ledger does not close: {text}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::Corrupt { .. } | JournalError::Segment { .. } | JournalError::Missing { .. } => {
                Self::Damaged(error.to_string())
            }
            JournalError::Empty { .. } | JournalError::Exists { .. } => Self::Refused(error.to_string()),
            _ => Self::Machine(error.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Journal(error) => error.into(),
            EngineError::Output(cause) => Self::Machine(format!("cannot write decisions: {cause}")),
        }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        use crate::lane::Mismatch;
        match error {
            ReplayError::Journal(error) => error.into(),
            ReplayError::Mismatch { path, offset, why: why @ (Mismatch::City { .. } | Mismatch::Mind { .. }) } => {
                let mend = "use the city that is kept in the data folder, and the program that wrote it";
                Self::Refused(format!("{}, byte {offset}: {why}; {mend}", path.display()))
            }
            ReplayError::Mismatch { path, offset, why } => {
                Self::Damaged(format!("{}, byte {offset}: {why}", path.display()))
            }
            ReplayError::Note { path, offset, why } => {
                Self::Damaged(format!("{}, byte {offset}: the note there cannot be understood: {why}", path.display()))
            }
            ReplayError::End { here, there } => {
                Self::Damaged(format!("the run ended with digest {there}, but its records now lead to {here}"))
            }
            ReplayError::Output(cause) => Self::Machine(format!("cannot write decisions: {cause}")),
        }
    }
}
