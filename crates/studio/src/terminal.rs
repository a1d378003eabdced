//! Speaks to whoever started the program. Standard output carries answers, standard error carries trouble and the log.

use std::io::{self, Write};

/// Says a line on standard output. A reader who has gone is not our trouble.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// Says a line on standard error.
pub(crate) fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
