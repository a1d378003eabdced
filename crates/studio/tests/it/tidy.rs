//! Keeps the house as ARCHITECTURE.md says it is: who may know whom, how long files may be, one TLS provider, nothing from
//! anywhere but the registry.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Longest source file, in lines. A file that grows past it has a seam somewhere.
const LINES: usize = 600;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What cargo knows of the workspace; of dependencies only those that this machine builds, so that nothing is fetched.
fn metadata() -> Value {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let version = run("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
    serde_json::from_str(&run(env!("CARGO"), &arguments)).unwrap()
}

#[test]
fn rooms_know_only_whom_they_may_know() {
    let allowed: &[(&str, &[&str])] = &[
        ("studio-core", &[]),
        ("studio-store", &["studio-core"]),
        ("studio-outbound", &["studio-core"]),
        ("studio-server", &["studio-core"]),
        ("studio-engines", &["studio-core"]),
        ("studio-testkit", &["studio-core"]),
        ("studio-simulator", &["studio-core", "studio-store", "studio-server"]),
        ("studio", &["studio-core", "studio-store", "studio-outbound", "studio-server", "studio-engines"]),
    ];
    // Who alone may use a library that does a whole kind of thing.
    let alone: &[(&str, &[&str])] = &[
        ("rusqlite", &["studio-store"]),
        ("reqwest", &["studio-outbound", "studio-testkit"]),
        ("axum", &["studio-server", "studio-engines", "studio-testkit"]),
        ("prometheus-client", &["studio-server"]),
        ("image", &["studio-engines"]),
        ("symphonia", &["studio-engines"]),
        ("tiny-skia", &["studio-engines"]),
    ];
    let metadata = metadata();
    let members: Vec<_> = metadata["workspace_members"].as_array().unwrap().iter().collect();
    let ours = metadata["packages"].as_array().unwrap().iter().filter(|package| members.contains(&&package["id"]));
    let mut seen = 0;
    for package in ours {
        seen += 1;
        let name = package["name"].as_str().unwrap();
        let (_, may) =
            allowed.iter().find(|(room, _)| *room == name).unwrap_or_else(|| panic!("{name} is no room of ours"));
        let normal =
            package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null());
        for dependency in normal.map(|dependency| dependency["name"].as_str().unwrap()) {
            if dependency.starts_with("studio") {
                assert!(may.contains(&dependency), "{name} must not know {dependency}");
            }
            if let Some((_, rooms)) = alone.iter().find(|(library, _)| *library == dependency) {
                assert!(rooms.contains(&name), "{dependency} is not for {name}");
            }
        }
        if name == "studio-core" {
            for banned in ["tokio", "axum", "reqwest", "rusqlite", "getrandom", "rand"] {
                let dependencies = package["dependencies"].as_array().unwrap();
                assert!(dependencies.iter().all(|d| d["name"] != banned), "the core must not know {banned}");
            }
        }
    }
    assert_eq!(seen, allowed.len());
}

/// One door out: nobody else connects to anybody, by whatever library; what serves may listen.
#[test]
fn only_the_door_connects_to_others() {
    let ways = [
        "reqwest",
        "hyper::client",
        "hyper_util::client",
        "TcpStream::connect",
        "TcpSocket",
        "UdpSocket",
        "lookup_host",
        "to_socket_addrs",
    ];
    for room in ["studio", "studio-core", "studio-engines", "studio-server", "studio-simulator", "studio-store"] {
        for path in sources(&root().join("crates").join(room).join("src")) {
            let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
            // An engine hands in what it made where its own server tells it, over its own socket.
            if path.ends_with("studio-engines/src/cog/upload.rs") || is_test {
                continue;
            }
            let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
            let hit = ways.iter().find(|way| text.contains(**way));
            assert!(hit.is_none(), "{} has {hit:?}: every request leaves by studio_outbound::client", path.display());
        }
    }
    let banned = fs::read_to_string(root().join("clippy.toml")).unwrap();
    for maker in ["reqwest::Client::new", "reqwest::Client::builder", "reqwest::get"] {
        assert!(banned.contains(&format!("path = \"{maker}\"")), "{maker} is banned by clippy.toml");
    }
    // What is not unpacked is no bomb; what keeps no cookies shows none.
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let library = nodes.iter().find(|node| node["id"].as_str().unwrap().contains("reqwest")).unwrap();
    let features: Vec<_> = library["features"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for feature in ["gzip", "brotli", "deflate", "zstd", "cookies"] {
        assert!(!features.contains(&feature), "the client must not have {feature}");
    }
}

#[test]
fn modules_of_the_server_know_only_whom_they_may_know() {
    let server = root().join("crates/studio-server/src");
    for (folder, banned) in
        [("commands", &["axum", "http::", "hyper"][..]), ("work", &["axum", "hyper", "crate::http"])]
    {
        for path in sources(&server.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                // `http::` of another word, such as `crate::http::`, is caught by its own ban.
                let hit = banned.iter().find(|word| line.contains(**word) && !line.contains("\"http"));
                assert!(hit.is_none(), "{}: {line}", path.display());
            }
        }
    }
    for path in sources(&server.join("http")) {
        // Without white space: a call may be broken over lines.
        let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
        for verb in [
            ".admit(",
            ".advance(",
            ".claim(",
            ".create_key(",
            ".revoke_key(",
            ".ensure_user(",
            ".add_upload(",
            ".remove_asset(",
            ".keep_thumbnail(",
            ".share(",
            ".unshare(",
        ] {
            assert!(!text.contains(&format!("store{verb}")), "{}: http never writes to the store", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for path in sources(&root().join("crates")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LINES, "{} has {lines} lines; where is its seam?", path.display());
        assert!(text.starts_with("//!"), "{} doesn't say what it is for", path.display());
        assert!(!text.contains(concat!("#[", "ignore")), "{} switches a test off", path.display());
    }
}

/// Every crate lives by the workspace's lints, `make lint` makes errors of them, and no source excuses itself from `lint`.
fn assert_denied(lint: &str) {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    assert!(makefile.contains("$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings"), "make lint");
    assert!(makefile.contains("\ntest: lint "), "make test looks at style first");
    for package in fs::read_dir(root().join("crates")).unwrap() {
        let manifest = package.unwrap().path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true\n"), "{}", manifest.display());
    }
    for path in sources(&root().join("crates")) {
        // Without white space: an attribute may be broken over lines.
        let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
        for attribute in ["#[", "#!["].iter().flat_map(|open| ["allow(", "expect("].map(|word| format!("{open}{word}")))
        {
            let excused = text.split(&attribute).skip(1).any(|rest| rest.split(']').next().unwrap().contains(lint));
            // Texts to attack with, in what is only for tests, say themselves what they are.
            let of_tests = lint == "missing_docs" && path.components().any(|part| part.as_os_str() == "studio-testkit");
            assert!(!excused || of_tests, "{} excuses itself from {lint}", path.display());
        }
    }
}

#[test]
fn f38_what_is_not_used_is_an_error() {
    // On by default, so all that could let one pass is an exception.
    assert_denied("unused");
    assert_denied("warnings");
}

#[test]
fn f39_what_is_not_documented_is_an_error() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("\nmissing_docs = \"warn\"\n"));
    assert_denied("missing_docs");
}

#[test]
fn dependencies_come_from_the_registry_and_only_one_does_tls() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert!(!lock.contains("git+"), "no dependency from a repository");
    for banned in ["aws-lc-rs", "openssl-sys", "native-tls"] {
        assert!(
            !lock.contains(&format!("name = \"{banned}\"")),
            "{banned} beside ring: rustls would not know which to use"
        );
    }
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none");
        let permissive = [
            "MIT",
            "Apache-2.0",
            "BSD",
            "ISC",
            "Zlib",
            "Unicode",
            "CC0",
            "0BSD",
            "CDLA-Permissive",
            "Unlicense",
            "MPL-2.0",
            "BSL",
        ];
        assert!(permissive.iter().any(|name| licence.contains(name)), "{}: {licence}", package["name"]);
    }
}
