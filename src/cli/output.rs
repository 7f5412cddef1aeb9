//! All that the program says goes through here: results to standard output, everything else to standard error.
//!
//! A reader may leave (`| head`), a disk may be full, a terminal may be gone, and `println!` and `eprintln!` end the
//! program then. Here nothing does. What happened to standard output is remembered, and [`end`] turns it into the exit
//! code; what happens to standard error matters to nobody.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use acr_pinn_gpu::error::Error;
use serde_json::{Map, Value, json};

/// What has become of standard output.
struct State {
    /// Whether the command line asks for JSON.
    json: bool,
    /// Whether the one document is out.
    documented: bool,
    /// What else belongs into the document of an error, such as the runs that had ended before it.
    beside: Map<String, Value>,
    broken: Option<Broken>,
}

enum Broken {
    /// Nobody reads any more.
    Left,
    /// It takes nothing any more, and somebody should know.
    Failed(io::Error),
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    let mut state: MutexGuard<Option<State>> = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    act(state.get_or_insert_with(|| State { json: false, documented: false, beside: Map::new(), broken: None }))
}

/// Looks whether standard output was open when the program began, and whether `arguments` ask for JSON. The latter is
/// asked of the words themselves, because wrong command lines have to be answered in JSON too.
pub fn begin(arguments: impl Iterator<Item = OsString>) {
    let asked = |argument: OsString| argument == "--json" || argument.to_string_lossy().starts_with("--json=");
    let json = arguments.take_while(|argument| argument != "--").any(asked);
    let closed = startup::stdout_was_closed().then(|| Broken::Failed(io::Error::other("it is closed")));
    with(|state| (state.json, state.broken) = (json, closed));
}

/// Prints to standard output.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Remembers how a piece of printing ended.
pub fn printed(result: io::Result<()>) {
    let Err(error) = result else { return };
    let broken = if error.kind() == ErrorKind::BrokenPipe { Broken::Left } else { Broken::Failed(error) };
    with(|state| {
        state.broken.get_or_insert(broken);
    });
}

/// Prints a value as indented JSON: the one document of a verb.
pub fn json(value: &Value) {
    with(|state| state.documented = true);
    print(&format!("{value:#}\n"));
}

/// Adds to the document that is printed if the verb fails.
pub fn beside(key: &str, value: Value) {
    with(|state| state.beside.insert(key.to_owned(), value));
}

/// Whether standard output takes nothing any more: a verb that prints while it works can stop.
pub fn is_broken() -> bool {
    with(|state| state.broken.is_some())
}

/// Says something on standard error, if that can still be heard.
pub fn say(text: &str) {
    let _ = Voice.write_all(format!("{text}\n").as_bytes());
}

/// Says what a user should know before something begins.
pub fn announce(notices: &[String], quiet: bool) {
    if !quiet {
        notices.iter().for_each(|notice| say(&format!("notice:  {notice}")));
    }
}

/// Standard error as a writer that never fails.
pub struct Voice;

impl Write for Voice {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts an error that ends the verb into JSON, where that was asked for and no document is out.
pub fn failed(code: u8, message: &str) {
    let beside = with(|state| (state.json && !state.documented).then(|| std::mem::take(&mut state.beside)));
    if let Some(beside) = beside {
        let mut document = json!({"error": {"code": code, "message": message}});
        document.as_object_mut().into_iter().for_each(|document| document.extend(beside.clone()));
        json(&document);
    }
}

/// The exit code of a verb that ended with `code`: results that did not arrive are no success.
pub fn end(code: u8) -> u8 {
    match with(|state| state.broken.take()) {
        Some(Broken::Failed(error)) => {
            let error = Error::output("standard output", error);
            say(&format!("error: {error}"));
            if code == 0 { error.exit_code() } else { code }
        }
        Some(Broken::Left) | None => code,
    }
}

/// What only the moment before `main` knows. Rust opens `/dev/null` in place of closed standard streams, so that later
/// nothing tells `>&-` from `>/dev/null`: one is a mistake to report, the other a wish.
#[cfg(target_os = "linux")]
mod startup {
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    // the loader calls every function whose address stands in this section, before `main`
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        // SAFETY: asking for the flags of a descriptor touches no memory, and an unknown number is an error code
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        CLOSED.store(flags == -1, Ordering::Relaxed);
    }

    pub fn stdout_was_closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(target_os = "linux"))]
mod startup {
    pub fn stdout_was_closed() -> bool {
        false
    }
}
