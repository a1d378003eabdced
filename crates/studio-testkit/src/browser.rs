//! A real browser: Chromium, driven through chromedriver by WebDriver, which is JSON over HTTP.
//!
//! Nothing is asserted about a page's inside that a person could not see or do; what only a script could see is asked by
//! [`Browser::run`]. Each browser has a profile of its own in a folder that is gone afterwards. It ends with the test, however that
//! ends: a shell holds a pipe from the test, and when that closes it kills the whole process group.

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fmt,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What a person needs to know who has no browser.
const MISSING: &str = "no browser: these tests drive a real one. Install it: apt-get install chromium chromium-driver (make browser does so)";
/// Starts the driver and waits for the pipe to close; then all of the group goes, itself included.
const SUPERVISED: &str = "chromedriver --port=0 2>&1 & cat >/dev/null; kill -9 0";
/// As it should be for tests: no screen, no calls home, no caches shared. Names under `.test` are this machine, so that a page can be had
/// from an origin that the browser does not trust as it trusts loopback.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-search-engine-choice-screen",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--window-size=1000,900",
];
/// How long a page may take, and a browser to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Has a page say that it is left: a form is sent, or a link followed that leads elsewhere. WebDriver's own waiting for what a
/// click opens misses what begins a moment later.
const WATCH: &str = r"
    const leaves = event => { if (!event.defaultPrevented) window.isLeft = true; };
    addEventListener('submit', leaves);
    addEventListener('click', event => {
        const link = event.target.closest('a[href]');
        if (link && !link.getAttribute('href').startsWith('#')) leaves(event);
    });";
/// What is printed to find the end of what was printed before.
const THAT_IS_ALL: &str = "that is all";
/// The name by which WebDriver calls elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The driver's process, and whatever it started.
struct Driver {
    supervisor: Child,
    address: String,
    client: reqwest::Client,
    folder: TempDir,
    program: String,
}

impl Driver {
    fn start() -> Result<Self> {
        let program = found("chromium || command -v chromium-browser || command -v google-chrome").context(MISSING)?;
        found("chromedriver").context(MISSING)?;
        let folder = TempDir::new()?;
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISED]).process_group(0);
        for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, folder.path());
        }
        let mut supervisor = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(supervisor.stdout.take().context("its output")?).lines();
        let mut address = None;
        for line in lines.by_ref() {
            if let Some((_, port)) = line?.split_once("successfully on port ") {
                address = Some(format!("http://127.0.0.1:{}", port.trim_end_matches('.').trim()));
                break;
            }
        }
        // What more it says must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        drop(rustls::crypto::ring::default_provider().install_default());
        #[expect(clippy::disallowed_methods, reason = "the tests' client, not the product's")]
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build()?;
        let mut driver = Self { supervisor, address: String::new(), client, folder, program };
        driver.address = address.context("chromedriver did not start")?;
        Ok(driver)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let what = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.address));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| what.clone())?;
        let good = response.status().is_success();
        let mut answer: Value = response.json().await.with_context(|| what.clone())?;
        if !good {
            let (error, message) = (&answer["value"]["error"], &answer["value"]["message"]);
            let message = message.as_str().and_then(|text| text.lines().next()).unwrap_or_default().to_owned();
            bail!("{what}: {error} {message}");
        }
        Ok(answer["value"].take())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The pipe closes, and the shell kills its whole group.
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.wait());
    }
}

fn found(program: &str) -> Result<String> {
    let output = Command::new("sh").args(["-c", &format!("command -v {program}")]).output()?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(output.status.success() && !path.is_empty(), "{program} is not on the path");
    Ok(path)
}

/// One browser, with cookies, storage and a window of its own.
pub struct Browser {
    driver: Arc<Driver>,
    session: String,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element(String);

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Browser({})", self.session)
    }
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        Self::of(Arc::new(Driver::start()?)).await
    }

    /// Another one beside it, which shares nothing with it: another person, or the same one at another machine.
    pub async fn another(&self) -> Result<Self> {
        Self::of(self.driver.clone()).await
    }

    async fn of(driver: Arc<Driver>) -> Result<Self> {
        let profile =
            tempfile::Builder::new().prefix("profile").disable_cleanup(true).tempdir_in(driver.folder.path())?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": driver.program, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "pageLoad": 30_000, "script": 30_000, "implicit": 0 },
            "unhandledPromptBehavior": "dismiss",
        } } });
        let session = driver.ask(Method::POST, "/session", Some(wanted)).await.context("the browser did not start")?;
        let session = session["sessionId"].as_str().context("no session")?.to_owned();
        Ok(Self { driver, session })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        self.driver.ask(method, &format!("/session/{}{path}", self.session), body).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// Opens an address, as from the address bar, and waits until its page is loaded. What is downloaded instead of shown is
    /// no page; that is an error.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Where it is.
    pub async fn url(&self) -> Result<String> {
        text_of(&self.get("/url").await?)
    }

    /// The page's title.
    pub async fn title(&self) -> Result<String> {
        text_of(&self.get("/title").await?)
    }

    /// What of the page can be read.
    pub async fn text(&self) -> Result<String> {
        let body = self.find("body").await?;
        self.text_of(&body).await
    }

    /// What of a part of it can be read.
    pub async fn text_of(&self, element: &Element) -> Result<String> {
        text_of(&self.get(&format!("/element/{}/text", element.0)).await?)
    }

    /// The first part of the page that a CSS selector names.
    pub async fn find(&self, selector: &str) -> Result<Element> {
        let found = self.post("/element", json!({ "using": "css selector", "value": selector })).await?;
        Ok(Element(text_of(&found[ELEMENT])?))
    }

    /// All parts of the page that it names.
    pub async fn find_all(&self, selector: &str) -> Result<Vec<Element>> {
        let found = self.post("/elements", json!({ "using": "css selector", "value": selector })).await?;
        found.as_array().into_iter().flatten().map(|one| Ok(Element(text_of(&one[ELEMENT])?))).collect()
    }

    /// Clicks where a person would, and waits for the page that this may open.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.find(selector).await?;
        self.watch().await?;
        self.post(&format!("/element/{}/click", element.0), json!({})).await?;
        self.settled().await
    }

    /// Types into a field, in place of what was there.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.find(selector).await?;
        self.post(&format!("/element/{}/clear", element.0), json!({})).await?;
        self.post(&format!("/element/{}/value", element.0), json!({ "text": text })).await.map(drop)
    }

    /// Types on the keyboard, wherever the cursor is, and waits for the page that this may open. Special keys are WebDriver's code
    /// points, such as [`TAB`].
    pub async fn press(&self, keys: &str) -> Result<()> {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() })));
        let actions: Vec<_> = strokes.collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.watch().await?;
        self.post("/actions", body).await?;
        self.settled().await
    }

    /// An attribute or property of a part of the page, as text; nothing when it has none.
    pub async fn property(&self, selector: &str, name: &str) -> Result<Option<String>> {
        let element = self.find(selector).await?;
        let value = self.get(&format!("/element/{}/property/{name}", element.0)).await?;
        Ok(match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Runs a script that calls its last argument when it is done: what it calls it with.
    pub async fn run_async(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("/execute/async", json!({ "script": script, "args": arguments })).await
    }

    /// Asks until the script says something true: for what comes by itself, such as a page that a page opens.
    pub async fn wait_for(&self, script: &str) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // In between two pages there is none to ask.
            let said = self.run(script, &[]).await.unwrap_or(Value::Null);
            if ![Value::Null, Value::Bool(false), json!(""), json!(0)].contains(&said) {
                return Ok(said);
            }
            ensure!(Instant::now() < deadline, "waited for {script}");
        }
    }

    /// Before hands do anything. There must be something to see: what comes before that, Chromium throws away, and a person would
    /// not do it. From then on the page knows whether it is left.
    async fn watch(&self) -> Result<()> {
        self.wait_for("return performance.getEntriesByType('paint').length").await?;
        self.run(WATCH, &[]).await.map(drop)
    }

    /// After hands did something: until the page that is left is gone, and the next one there.
    async fn settled(&self) -> Result<()> {
        self.wait_for("return !window.isLeft && document.readyState == 'complete'").await.map(drop)
    }

    /// Gives a command of the Chrome DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Shows pages to a person who prefers this scheme, `light` or `dark`.
    pub async fn prefer_scheme(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Makes its window so wide and high, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// What it shows, the whole page, as a PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        // Their bars go before it is measured: what they take would be missing at one side.
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await?;
        let layout = self.devtools("Page.getLayoutMetrics", json!({})).await?;
        let (width, height) = (&layout["cssContentSize"]["width"], &layout["cssContentSize"]["height"]);
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let whole = json!({ "captureBeyondViewport": true, "clip": clip });
        let shot = self.devtools("Page.captureScreenshot", whole).await?;
        Ok(STANDARD.decode(text_of(&shot["data"])?)?)
    }

    /// The cookies that it would send to where it is, with their attributes.
    pub async fn cookies(&self) -> Result<Vec<Value>> {
        Ok(self.get("/cookie").await?.as_array().cloned().unwrap_or_default())
    }

    /// Forgets the cookies of where it is.
    pub async fn forget_cookies(&self) -> Result<()> {
        self.ask(Method::DELETE, "/cookie", None).await.map(drop)
    }

    /// What its console said since it was last asked: refusals of a content policy, errors of scripts, and what these printed.
    pub async fn console(&self) -> Result<Vec<String>> {
        self.run("console.log(arguments[0])", &[json!(THAT_IS_ALL)]).await?;
        let mut lines = self.console_until(THAT_IS_ALL).await?;
        lines.retain(|line| !line.contains(THAT_IS_ALL));
        Ok(lines)
    }

    /// The same, until it has said something with these words in it.
    pub async fn console_until(&self, words: &str) -> Result<Vec<String>> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| line.contains(words)) {
            ensure!(Instant::now() < deadline, "the console never said {words}: {lines:?}");
            let said = self.post("/se/log", json!({ "type": "browser" })).await?;
            lines.extend(
                said.as_array().into_iter().flatten().filter_map(|line| line["message"].as_str()).map(str::to_owned),
            );
        }
        Ok(lines)
    }
}

/// The tabulator key.
pub const TAB: &str = "\u{e004}";
/// The enter key.
pub const ENTER: &str = "\u{e007}";

fn text_of(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}
