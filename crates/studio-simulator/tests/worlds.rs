//! The fast share of `make simulate`: some worlds, every planted bug, and that a seed is the same world every time.

use studio_simulator::{Simulator, faults::KINDS, planted::Plant};

/// Worlds that every test run lives through.
const WORLDS: u64 = 60;
/// Within so many worlds each planted bug is found.
const WITHIN: u64 = 60;

#[test]
fn nothing_is_lost_and_nothing_doubled() {
    let simulator = Simulator::new().unwrap();
    let mut counts = studio_simulator::faults::Counts::default();
    for seed in 1..=WORLDS {
        let outcome = simulator.run(seed, None, false).unwrap();
        assert_eq!(outcome.violations, Vec::<String>::new(), "make simulate SEED={seed}");
        counts.add(&outcome.counts);
    }
    let happened = counts.named().filter(|(_, count)| *count > 0).count();
    assert!(happened * 10 >= KINDS * 9, "only {happened} of {KINDS} kinds of faults happened");
}

#[test]
fn every_planted_bug_is_found() {
    let simulator = Simulator::new().unwrap();
    for plant in Plant::ALL {
        let found = (1..=WITHIN).find(|seed| !simulator.run(*seed, Some(*plant), false).unwrap().violations.is_empty());
        assert!(found.is_some(), "{} was not found", plant.as_str());
    }
}

#[test]
fn the_ledger_sums_to_zero_after_every_operation() {
    let report = studio_simulator::ledger::report(1, 5_000).unwrap();
    let changed = report["changed"].as_object().unwrap();
    for name in ["hold", "post", "post and overage", "void", "adjustment", "budget"] {
        assert!(changed.contains_key(name), "{name} never happened: {report}");
    }
}

#[test]
fn a_seed_is_the_same_world_every_time() {
    let simulator = Simulator::new().unwrap();
    for seed in 1..=10 {
        assert_eq!(simulator.run(seed, None, true).unwrap(), simulator.run(seed, None, true).unwrap());
    }
}

#[test]
fn and_in_every_process() {
    let run = || {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_studio-simulator"))
            .args(["--seeds", "10", "--jobs", "2"])
            .output()
            .unwrap();
        assert!(program.status.success(), "{}", String::from_utf8_lossy(&program.stderr));
        String::from_utf8(program.stdout).unwrap()
    };
    let first = run();
    assert!(first.contains("\"violations\":0"), "{first}");
    assert_eq!(first, run());
}
