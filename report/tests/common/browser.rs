//! Headless Chromium over the DevTools protocol, as messages through two pipes.
#![allow(dead_code, reason = "not every test binary looks at pages")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Connects descriptors 3 and 4, on which Chromium listens and answers, to standard input and output.
const PIPES: &str = "exec chromium \"$@\" 3<&0 4>&1 >/dev/null 2>&1";

/// A browser with one page.
pub struct Browser {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    session: String,
    next: u64,
    /// What the page reported on its own since it was asked last.
    pub events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// None, and says so, where Chromium is not installed; in CI it must be.
    pub fn start() -> Option<Browser> {
        if !Command::new("chromium").arg("--version").output().is_ok_and(|o| o.status.success()) {
            let message = "Chromium is not installed; scripts/setup.sh installs it";
            assert!(std::env::var_os("CI").is_none(), "{message}");
            println!("skipped: {message}");
            return None;
        }
        let profile = tempfile::tempdir().expect("folder");
        let mut command = Command::new("sh");
        command.args(["-c", PIPES, "sh", "--headless", "--no-sandbox", "--disable-gpu"]);
        command.args(["--disable-quic", "--no-first-run", "--disable-background-networking"]);
        command.args(["--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("sh");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let (session, next, events) = (String::new(), 0, Vec::new());
        let mut browser =
            Browser { process, requests, answers, session, next, events, _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Sends a command and waits for its result; events on the way are kept.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let requests = self.requests.as_mut().expect("open");
        write!(requests, "{message}\0").expect("Chromium listens");
        requests.flush().expect("Chromium listens");
        loop {
            let answer = self.receive();
            if answer["id"] == self.next {
                assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.answers.read_until(0, &mut bytes).expect("Chromium answers");
        assert_eq!(bytes.pop(), Some(0), "Chromium ended");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Opens a file at a width and waits until it is loaded.
    pub fn open(&mut self, path: &Path, width: u32) {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
        self.events.clear();
        self.ask("Page.navigate", json!({ "url": format!("file://{}", path.display()) }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// The value of a JavaScript expression.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses and releases the mouse where an element is seen, not another one that lies above it.
    pub fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(async () => {{
               const e = document.querySelector({selector:?});
               document.documentElement.style.scrollBehavior = 'auto';
               e.scrollIntoView({{ block: 'center' }});
               await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
               const r = e.getBoundingClientRect();
               for (let y = r.top + 0.5; y < r.bottom; y++)
                 for (let x = r.left + 0.5; x < r.right; x++)
                   if (e.contains(document.elementFromPoint(x, y))) return [x, y];
             }})()"
        ));
        assert!(place.is_array(), "{selector} is covered everywhere");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.ask("Input.dispatchMouseEvent", event);
        }
    }

    /// A PNG of what the window shows, or of the whole page.
    pub fn screenshot(&mut self, whole: bool) -> Vec<u8> {
        let parameters = json!({ "format": "png", "captureBeyondViewport": whole });
        self.decode("Page.captureScreenshot", parameters)
    }

    /// The page as printed.
    pub fn pdf(&mut self) -> Vec<u8> {
        self.decode(
            "Page.printToPDF",
            json!({ "preferCSSPageSize": true, "printBackground": false }),
        )
    }

    fn decode(&mut self, method: &str, parameters: Value) -> Vec<u8> {
        let answer = self.ask(method, parameters);
        STANDARD.decode(answer["data"].as_str().expect("data")).expect("base64")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // the end of its pipe ends Chromium
        self.requests = None;
        let _ = self.process.wait();
    }
}
