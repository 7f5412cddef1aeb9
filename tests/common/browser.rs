//! Chromium without a window, driven over its pipe: one JSON message after the other, each with a zero behind it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Computes on the processor, by SwiftShader: the same on every machine.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--no-sandbox",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

/// The browser of this machine; `ACR_PINN_CHROMIUM` names another.
pub fn chromium() -> PathBuf {
    let named = std::env::var_os("ACR_PINN_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let mut known = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.or_else(|| known.find(|path| path.exists()));
    found.expect("this test needs Chromium: apt-get install chromium, or name one in ACR_PINN_CHROMIUM")
}

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    number: u64,
    /// Exceptions and errors that the page's console has seen.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with nothing of its user.
    pub fn open() -> Browser {
        let profile = tempfile::tempdir().expect("a folder for a profile");
        let mut command = Command::new("sh");
        // the browser reads messages from descriptor 3 and writes answers to descriptor 4
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"]).arg(chromium()).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the browser starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (session, complaints) = (None, Vec::new());
        let mut browser = Browser { child, input, output, session, number: 0, complaints, _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method of the browser's protocol and waits for its answer.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let mut bytes = Vec::new();
            self.output.read_until(0, &mut bytes).expect("the browser answers");
            assert!(bytes.pop() == Some(0), "the browser ended");
            let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.listen(&answer);
        }
    }

    fn listen(&mut self, event: &Value) {
        let (method, parameters) = (event["method"].as_str().unwrap_or_default(), &event["params"]);
        let wrong = match method {
            "Runtime.exceptionThrown" => true,
            "Log.entryAdded" => parameters["entry"]["level"] == "error",
            "Runtime.consoleAPICalled" => parameters["type"] == "error",
            _ => false,
        };
        if wrong {
            self.complaints.push(parameters.to_string());
        }
    }

    /// Opens an address.
    pub fn go(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address}));
    }

    /// The value of an expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until the page is in one of `states`, and returns which.
    pub fn wait(&mut self, states: &[&str], limit: Duration) -> String {
        let start = Instant::now();
        loop {
            let state = self.evaluate("document.documentElement?.dataset.state ?? ''");
            let state = state.as_str().unwrap_or_default().to_owned();
            if states.contains(&state.as_str()) {
                return state;
            }
            let status = "document.getElementById('status')?.textContent";
            assert!(start.elapsed() < limit, "still {state} after {limit:?}: {}", self.evaluate(status));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The document that the page has put into `#result`.
    pub fn result(&mut self) -> Value {
        let text = self.evaluate("document.getElementById('result').textContent");
        serde_json::from_str(text.as_str().unwrap_or_default()).expect("a document in #result")
    }

    /// What the page says of a mistake.
    pub fn notice(&mut self) -> String {
        let text = self.evaluate("document.getElementById('notice').textContent");
        text.as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
