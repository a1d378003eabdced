//! What the program was given: its configuration, the address to listen on, files that it may open.

use super::Findings;
use crate::{config::Config, serve::USUAL_ADDRESS};
use rustix::process::{Resource, getrlimit};
use std::net::SocketAddr;
use studio_server::settings::{CONNECTION_LIMIT, OTHER_FILES};

pub(super) fn look(config: &Config, listen: Option<SocketAddr>, findings: &mut Findings) {
    if config.warnings.is_empty() {
        findings.ok("configuration", "read; every STUDIO_* variable is a setting");
    }
    for warning in &config.warnings {
        findings.warn("configuration", warning, "look at its spelling: docs/operations.md lists the variables");
    }
    address(listen.or(config.listen).unwrap_or(USUAL_ADDRESS), findings);
    files(findings);
}

fn address(address: SocketAddr, findings: &mut Findings) {
    if address.ip().is_loopback() {
        return findings.ok("address", format!("{address}: only this machine can reach it"));
    }
    let whom = if address.ip().is_unspecified() { "everyone who reaches this machine" } else { "others" };
    findings.warn(
        "address",
        format!("{address}: {whom} can reach it, and keys and prompts travel unencrypted"),
        "put a proxy that speaks https before it, and listen on 127.0.0.1",
    );
    findings.coded("listens_unencrypted");
}

/// The server raises its own limit to the highest that it is allowed.
fn files(findings: &mut Findings) {
    let wanted = (2 * CONNECTION_LIMIT + OTHER_FILES) as u64;
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < wanted => findings.warn(
            "open files",
            format!("{most} at most, so {} connections at once", (most.saturating_sub(OTHER_FILES as u64) / 2).max(64)),
            format!("allow {wanted}: ulimit -Hn, or LimitNOFILE in its systemd unit"),
        ),
        Some(most) => findings.ok("open files", format!("{most} at most, {wanted} are enough")),
        None => findings.ok("open files", "no limit"),
    }
}
