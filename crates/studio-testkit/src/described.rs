//! Every answer that a test gets has a status that the API's description (`docs/openapi.json`) names for that route, in all tests:
//! whoever makes a client from the description is never told what it does not say.

use anyhow::{Context, Result};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

/// One verb at one path.
struct Operation {
    method: String,
    pieces: Vec<String>,
    statuses: BTreeSet<String>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    read().unwrap_or_else(|error| unreachable!("docs/openapi.json: {error:#}; `make reference` writes it"))
});

fn read() -> Result<Vec<Operation>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let description: Value = serde_json::from_slice(&fs::read(file)?)?;
    let paths = description["paths"].as_object().context("it has no paths")?;
    let operations = paths.iter().flat_map(|(path, verbs)| {
        let verbs = verbs.as_object().into_iter().flatten();
        verbs.filter_map(|(verb, operation)| {
            let statuses = operation["responses"].as_object()?.keys().cloned().collect();
            Some(Operation {
                method: verb.to_uppercase(),
                pieces: path.split('/').map(str::to_owned).collect(),
                statuses,
            })
        })
    });
    Ok(operations.collect())
}

/// The operation that a request meets: of those whose paths fit, that with the fewest parameters.
fn met(method: &str, path: &str) -> Option<&'static Operation> {
    let pieces: Vec<_> = path.split('/').collect();
    let is_parameter = |piece: &str| piece.starts_with('{');
    let fits = |operation: &&Operation| {
        operation.pieces.len() == pieces.len()
            && operation.pieces.iter().zip(&pieces).all(|(ours, theirs)| ours == theirs || is_parameter(ours))
    };
    let fitting = OPERATIONS.iter().filter(|operation| operation.method == method).filter(fits);
    fitting.min_by_key(|operation| operation.pieces.iter().filter(|piece| is_parameter(piece)).count())
}

/// Fails a test whose studio answers what is not described. What is no route of the description may be answered anyhow.
pub(crate) fn hold(method: &str, path: &str, status: u16) {
    if let Some(operation) = met(method, path) {
        let described = operation.statuses.contains(&status.to_string());
        assert!(described, "{method} {path} answered {status}; the description knows {:?}", operation.statuses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_path_is_meant() {
        for (method, path, is_met) in [
            ("GET", "/api/v1/jobs/1", "/api/v1/jobs/{id}"),
            ("POST", "/api/v1/sessions/revoke-others", "/api/v1/sessions/revoke-others"),
            ("DELETE", "/api/v1/sessions/revoke-others", "/api/v1/sessions/{id}"),
            ("GET", "/api/v1/jobs/1/2/3", ""),
            ("PUT", "/api/v1/jobs/1", ""),
        ] {
            let found = met(method, path).map(|operation| operation.pieces.join("/"));
            assert_eq!(found.unwrap_or_default(), is_met, "{method} {path}");
        }
    }

    #[test]
    fn what_is_described_is_let_through() {
        hold("GET", "/api/v1/jobs/1", 404);
        hold("GET", "/nowhere", 418);
    }

    #[test]
    #[should_panic(expected = "GET /api/v1/jobs/1 answered 418")]
    fn what_is_not_is_told() {
        hold("GET", "/api/v1/jobs/1", 418);
    }
}
