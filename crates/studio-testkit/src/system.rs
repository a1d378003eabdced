//! What the system can do to a process: signals and limits, from outside and at any moment.

use anyhow::{Context, Result};
use rustix::process::{Pid, Resource, Rlimit, kill_process, prlimit};

pub use rustix::process::Signal;

fn process(pid: u32) -> Result<Pid> {
    Pid::from_raw(i32::try_from(pid)?).context("no process has this number")
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    Ok(kill_process(process(pid)?, signal)?)
}

/// From now on no file that the process writes may be longer than `bytes`: a disk that is full, for it alone. Nothing: as
/// long as before.
pub fn limit_files(pid: u32, bytes: Option<u64>) -> Result<()> {
    limit(pid, Resource::Fsize, "Max file size", bytes)
}

/// From now on the process may not have more memory than `bytes`, all that it has mapped included. Nothing: as before.
pub fn limit_memory(pid: u32, bytes: Option<u64>) -> Result<()> {
    limit(pid, Resource::As, "Max address space", bytes)
}

/// Sets the soft limit alone: what is taken away can be given back, by anyone.
fn limit(pid: u32, resource: Resource, name: &str, bytes: Option<u64>) -> Result<()> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).context("no such limit")?;
    let maximum = line.split_whitespace().nth(1).context("no hard limit")?.parse().ok();
    prlimit(Some(process(pid)?), resource, Rlimit { current: bytes.or(maximum), maximum })?;
    Ok(())
}

/// Most bytes of real memory that a process ever had, since [`forget_most_memory`].
pub fn most_memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// From now on the most memory that a process has is counted anew.
pub fn forget_most_memory(pid: u32) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Bytes of address space that a process has mapped.
pub fn mapped(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmSize:")
}

fn status_bytes(pid: u32, name: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no size")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib << 10)
}
