//! What the process may still ask of the kernel once it has its file: to read it, to say what it is, and memory. A decoder that was
//! taken over by a file is in a room without doors: no file can be opened, no socket, no program or thread started, no other process
//! reached, and nothing it writes into memory can be run.
//!
//! Two walls, one behind the other: Landlock without any path, where the kernel has it, and a seccomp filter that answers EPERM to
//! whatever is not on its list. Neither can be taken back. Where the kernel has neither, the limits are all there is; so [`probe`]
//! doesn't believe what it was told by the kernel, but tries.

use serde::{Deserialize, Serialize};
use std::{fs::File, os::unix::net::UnixDatagram, thread};

/// What a process can do after it has confined itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Nothing of what was tried.
    pub confined: bool,
    /// Paths were closed by Landlock, before the filter was there.
    pub landlock: bool,
    /// What could be done all the same, in words.
    pub could: Vec<String>,
}

/// Confines this process and tries what it should not be able to do.
pub(super) fn probe() -> Probe {
    close_paths();
    let landlock = !opens_file();
    filter_calls();
    let tried = [("open a file", opens_file()), ("open a socket", opens_socket()), ("start a thread", starts_thread())];
    let could: Vec<_> = tried.iter().filter(|(_, done)| *done).map(|(what, _)| (*what).to_owned()).collect();
    Probe { confined: could.is_empty(), landlock, could }
}

/// Confines this process for good, as far as the kernel can. Call it before any other thread exists.
pub(super) fn confine() {
    close_paths();
    filter_calls();
}

fn opens_file() -> bool {
    File::open("/").is_ok()
}

fn opens_socket() -> bool {
    UnixDatagram::unbound().is_ok()
}

fn starts_thread() -> bool {
    thread::Builder::new().spawn(|| ()).is_ok_and(|started| started.join().is_ok())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use walls::{close_paths, filter_calls};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod walls {
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, Scope};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter,
    };
    use std::{collections::BTreeMap, env::consts::ARCH, process};

    /// What is always answered. Memory; the file and the two outputs, which are open already; the end; and what a program that
    /// crashes needs in order to die of it.
    const ANSWERED: [i64; 25] = [
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fstat,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_pread64,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_write,
        libc::SYS_writev,
    ];

    /// Leaves no path, no port and no process outside to be reached. What the kernel does not know of it, it leaves out.
    pub(super) fn close_paths() {
        let close = || -> Result<(), RulesetError> {
            let abi = ABI::V6;
            let rules = Ruleset::default().handle_access(AccessFs::from_all(abi))?;
            let rules = rules.handle_access(AccessNet::from_all(abi))?.scope(Scope::from_all(abi))?;
            rules.create()?.restrict_self().map(drop)
        };
        // What could not be done is told by who tries: `probe`.
        drop(close());
    }

    /// Has the kernel refuse what is not on the list.
    pub(super) fn filter_calls() {
        drop(program().and_then(|program| apply_filter(&program)));
    }

    fn program() -> Result<BpfProgram, seccompiler::Error> {
        let (dword, bits) = (SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64));
        let not_run = SeccompRule::new(vec![SeccompCondition::new(2, dword.clone(), bits, 0)?])?;
        let own = SeccompCondition::new(0, dword, SeccompCmpOp::Eq, u64::from(process::id()))?;
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ANSWERED.iter().map(|call| (*call, Vec::new())).collect();
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            rules.insert(call, vec![not_run.clone()]);
        }
        // An abort is a signal to oneself.
        rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, ARCH.try_into()?)?;
        Ok(filter.try_into()?)
    }
}

/// No other system has these walls.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn close_paths() {}

/// No other system has these walls.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn filter_calls() {}
