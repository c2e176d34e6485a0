//! What a service says while it runs: structured lines on stderr, for people or for programs. Never anything of a report.

use std::io;

use tracing_subscriber::fmt;

/// How notices are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// From now on notices of this process are written. Only the first caller decides how.
pub fn begin(form: Form) {
    let lines = fmt().with_writer(io::stderr).with_target(false).with_ansi(false);
    let _ = match form {
        Form::Text => lines.compact().try_init(),
        Form::Json => lines.json().flatten_event(true).try_init(),
    };
}
