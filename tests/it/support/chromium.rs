//! A Chromium driven by its own chromedriver, in the few words of `WebDriver` that tests need (W3C
//! `WebDriver` 2, and `goog/cdp` for what only Chromium has).

use std::io::BufRead;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

/// Longer than any page takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser window. It closes when dropped.
pub(crate) struct Chromium {
    port: u16,
    session: String,
    driver: Child,
    _profile: TempDir,
}

impl Chromium {
    /// A window of this width.
    pub(crate) async fn open(width: u32) -> Self {
        let profile = TempDir::new().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let mut lines = std::io::BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver runs").unwrap();
            let words = line.strip_suffix('.').unwrap_or(&line);
            if let Some((_, port)) = words.split_once("started successfully on port ") {
                break port.parse().unwrap();
            }
        };
        let folder = profile.path().display();
        let options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", format!("--user-data-dir={folder}/profile"),
        ] });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options } } });
        let opened = ask(port, "POST", "/session", &wanted).await;
        let session = opened["sessionId"].as_str().unwrap().to_owned();
        let chromium = Self {
            port,
            session,
            driver,
            _profile: profile,
        };
        chromium.resize(width).await;
        chromium
    }

    /// Says good-bye by hand: a driver that is killed leaves its browser running.
    fn end(&self) {
        use std::io::Read;
        use std::io::Write;
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else {
            return;
        };
        let head = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            self.session
        );
        drop(stream.set_read_timeout(Some(Duration::from_secs(20))));
        drop(stream.write_all(head.as_bytes()));
        drop(stream.read(&mut [0; 512]));
    }

    async fn say(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        ask(self.port, method, &path, body).await
    }

    /// Chromium's own commands.
    pub(crate) async fn command(&self, name: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": name, "params": parameters });
        self.say("POST", "/goog/cdp/execute", &body).await
    }

    pub(crate) async fn resize(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Pages run no scripts from now on.
    pub(crate) async fn without_scripts(&self) {
        self.with_scripts(false).await;
    }

    /// Whether pages run scripts from now on.
    pub(crate) async fn with_scripts(&self, run: bool) {
        self.command(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": !run }),
        )
        .await;
    }

    pub(crate) async fn in_colours(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    pub(crate) async fn go(&self, url: &str) {
        self.say("POST", "/url", &json!({ "url": url })).await;
    }

    /// The path of the page shown.
    pub(crate) async fn path(&self) -> String {
        let url = self.say("GET", "/url", &Value::Null).await;
        let url: url::Url = url.as_str().unwrap().parse().unwrap();
        url.path().to_owned()
    }

    async fn find(&self, css: &str) -> String {
        self.find_by("css selector", css).await
    }

    async fn find_by(&self, using: &str, value: &str) -> String {
        let wanted = json!({ "using": using, "value": value });
        let found = self.say("POST", "/element", &wanted).await;
        let mut ids = found.as_object().unwrap().values();
        ids.next().unwrap().as_str().unwrap().to_owned()
    }

    /// Clicks what matches, and waits for what it leads to.
    pub(crate) async fn click(&self, css: &str) {
        self.click_on(self.find(css).await).await;
    }

    /// Presses the link or button that says just this: of several the first, those of the menu last.
    pub(crate) async fn press(&self, words: &str) {
        let says = format!("*[self::a or self::button][normalize-space() = \"{words}\"]");
        let path = format!("//main//{says} | //{says}[not(//main//{says})]");
        self.click_on(self.find_by("xpath", &path).await).await;
    }

    async fn click_on(&self, element: String) {
        let kind = self
            .say("GET", &format!("/element/{element}/name"), &Value::Null)
            .await;
        let page = self.find("html").await;
        self.say("POST", &format!("/element/{element}/click"), &json!({}))
            .await;
        if kind == "button" || kind == "a" {
            self.until_left(&page).await;
        }
    }

    /// On a busy machine a click is answered before the next page begins. A form that the browser
    /// finds wrong leads nowhere, so that this waits only for a while.
    async fn until_left(&self, page: &str) {
        let at = format!("/session/{}/element/{page}/name", self.session);
        for _ in 0..50 {
            if told(self.port, "GET", &at, &Value::Null).await["error"].is_string() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.say(
            "POST",
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        )
        .await;
    }

    /// Fills in the field whose label says this, whatever it says in brackets, in place of what it holds.
    pub(crate) async fn fill_in(&self, label: &str, text: &str) {
        let says = "normalize-space()";
        let label = format!("{says} = \"{label}\" or starts-with({says}, \"{label} (\")");
        let path = format!("//*[@id = //label[{label}]/@for]");
        let element = self.find_by("xpath", &path).await;
        let at = format!("/element/{element}");
        self.say("POST", &format!("{at}/clear"), &json!({})).await;
        let text = json!({ "text": text });
        self.say("POST", &format!("{at}/value"), &text).await;
    }

    pub(crate) async fn back(&self) {
        self.say("POST", "/back", &json!({})).await;
    }

    pub(crate) async fn reload(&self) {
        self.say("POST", "/refresh", &json!({})).await;
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.say("POST", "/execute/sync", &body).await
    }

    /// A script that calls its last argument when it's done.
    pub(crate) async fn wait_for(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.say("POST", "/execute/async", &body).await
    }

    pub(crate) async fn text(&self) -> String {
        let body = self.find("body").await;
        let text = self
            .say("GET", &format!("/element/{body}/text"), &Value::Null)
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// The whole page as a picture (PNG).
    pub(crate) async fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let wanted = json!({ "captureBeyondViewport": true, "format": "png" });
        let taken = self.command("Page.captureScreenshot", wanted).await;
        base64::engine::general_purpose::STANDARD
            .decode(taken["data"].as_str().unwrap())
            .unwrap()
    }
}

impl Drop for Chromium {
    /// The driver takes its browser along.
    fn drop(&mut self) {
        self.end();
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// One command; what it answers, unless that is an error.
async fn ask(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let value = told(port, method, path, body).await;
    assert!(value["error"].is_null(), "{method} {path} {body}: {value}");
    value
}

/// One command; what it answers, be it an error.
async fn told(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let asked = tokio::time::timeout(PATIENCE, exchange(port, method, path, body)).await;
    let answer = asked.unwrap_or_else(|_| panic!("chromedriver says nothing to {method} {path}"));
    let mut answer: Value = serde_json::from_str(&answer)
        .unwrap_or_else(|_| panic!("expected JSON to {method} {path}, but got {answer}"));
    answer["value"].take()
}

async fn exchange(port: u16, method: &str, path: &str, body: &Value) -> String {
    let body = if method == "GET" {
        String::new()
    } else {
        body.to_string()
    };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).await.unwrap();
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}
