//! Standard output that may be a closed pipe.

use std::io::Write;

/// Prints to standard output; a reader that went away is not an error worth a panic.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a value as indented JSON.
pub fn json(value: &serde_json::Value) {
    print(&format!("{value:#}\n"));
}
