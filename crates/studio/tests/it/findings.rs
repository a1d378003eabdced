//! `docs/findings.md`, the table of the audit's findings, names every test that shows one, and no test that isn't there.

use crate::tidy::{root, sources};
use std::{collections::BTreeSet, fs};

/// A row: the number of its finding, the tests that it names, and how it stands.
struct Row {
    number: usize,
    tests: Vec<String>,
    state: String,
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let lines = table.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{line}");
        let (number, tests, state) = (cells[0], cells[3], cells[4]);
        let tests = tests.split(", ").filter(|name| !name.is_empty());
        let tests =
            tests.map(|name| name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap().to_owned());
        Row { number: number.parse().unwrap(), tests: tests.collect(), state: state.to_owned() }
    };
    lines.map(row).collect()
}

/// Whether a function's name says that it shows a finding: `f07_...`.
fn shows_a_finding(name: &str) -> bool {
    let name = name.as_bytes();
    name.len() > 4 && name[0] == b'f' && name[1..3].iter().all(u8::is_ascii_digit) && name[3] == b'_'
}

/// Every function that shows one.
fn tests() -> BTreeSet<String> {
    let text: String = sources(&root().join("crates")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let functions = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split('(').next()
    });
    functions.filter(|name| shows_a_finding(name)).map(str::to_owned).collect()
}

#[test]
fn the_table_of_findings_names_every_test_and_no_other() {
    let (rows, tests) = (rows(), tests());
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=43).collect::<Vec<_>>());
    let mut named = BTreeSet::new();
    for Row { number, tests: claimed, state } in &rows {
        for name in claimed {
            assert!(name.starts_with(&format!("f{number:02}_")), "finding {number} names {name}");
            assert!(tests.contains(name), "finding {number} names {name}, which isn't there");
            assert!(named.insert(name.clone()), "{name} is named twice");
        }
        let shown = match state.split_once("later: ") {
            None => state == "held",
            Some(("", what)) => !what.is_empty() && claimed.is_empty(),
            Some(("in part; ", what)) => !what.is_empty() && !claimed.is_empty(),
            Some(_) => false,
        };
        assert!(shown && (state != "held" || !claimed.is_empty()), "finding {number} is {state}, by {claimed:?}");
    }
    let unnamed: Vec<_> = tests.difference(&named).collect();
    assert!(unnamed.is_empty(), "docs/findings.md does not name {unnamed:?}");
}
