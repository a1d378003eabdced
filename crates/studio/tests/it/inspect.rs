//! The child that looks into files: the real binary with hostile and good files on its standard input.

use std::{
    fs::File,
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use studio_core::inspection::{Facts, FileKind, MOST_LINE_BYTES, RefusalCode, SectionName, Verdict};
use studio_engines::inspect::{BROKE, PEAK, Probe, bounds};
use studio_testkit::{
    good_files::{self, Expected, MAKER, PLACE, Sample, sounds},
    hostile_files,
};

/// What the child did.
struct Told {
    /// Its verdict; nothing if it was ended by the limit of its time.
    verdict: Option<Verdict>,
    thumbnail: Option<Vec<u8>>,
    clean: Option<Vec<u8>>,
    peak_kib: u64,
    took: Duration,
}

/// Has the child look at a file. It may end by itself, or by the limit of its time; anything else is a crash.
fn inspect(sample: &Sample, flags: &[&str]) -> Told {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&sample.bytes).unwrap();
    inspect_file(&sample.name, sample.kind, file, flags)
}

fn inspect_file(name: &str, kind: FileKind, file: File, flags: &[&str]) -> Told {
    const CPU_LIMIT: [i32; 2] = [24, 9];
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_studio"))
        .args(["inspect", "--kind", kind.as_str(), "--tell-peak"])
        .args(flags)
        .env_clear()
        .stdin(Stdio::from(file))
        .output()
        .unwrap();
    let took = began.elapsed();
    let errors = String::from_utf8(output.stderr).unwrap();
    if let Some(signal) = output.status.signal() {
        assert!(CPU_LIMIT.contains(&signal), "{name}: died of signal {signal}: {errors}");
        return Told { verdict: None, thumbnail: None, clean: None, peak_kib: 0, took };
    }
    assert!(output.status.success(), "{name}: {errors}");
    let end = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
    let (line, mut rest) = output.stdout.split_at(end + 1);
    assert!(line.len() <= MOST_LINE_BYTES);
    let verdict = Verdict::parse(line).unwrap();
    // A panic is caught, and is a fault of ours nevertheless.
    assert!(!matches!(&verdict, Verdict::Refused(refused) if refused.message.contains(BROKE)), "{name}: it panicked");
    let mut told = Told { verdict: None, thumbnail: None, clean: None, peak_kib: 0, took };
    if let Verdict::Ok(facts) = &verdict {
        for section in &facts.sections {
            let (bytes, after) = rest.split_at(usize::try_from(section.bytes).unwrap());
            rest = after;
            match section.name {
                SectionName::Thumbnail => told.thumbnail = Some(bytes.to_vec()),
                SectionName::Clean => told.clean = Some(bytes.to_vec()),
            }
        }
    }
    assert!(rest.is_empty(), "{name}: something follows its sections");
    told.verdict = Some(verdict);
    let peak = errors.lines().find_map(|line| line.strip_prefix(PEAK)).unwrap();
    told.peak_kib = peak.trim().trim_end_matches(" KiB").parse().unwrap();
    told
}

/// What is wrong with what was said, if anything is.
fn fault(sample: &Sample, told: &Told) -> Option<String> {
    let said = match (&sample.expected, &told.verdict) {
        (Expected::Either, _) => return None,
        (Expected::Refused(codes), Some(Verdict::Refused(refused))) if codes.contains(&refused.code) => return None,
        (Expected::Taken, Some(Verdict::Ok(facts))) if told.clean.is_none() && facts.stripped.is_empty() => {
            return None;
        }
        (Expected::Cleaned(what), Some(Verdict::Ok(facts))) if told.clean.is_some() && facts.stripped == **what => {
            return None;
        }
        (_, said) => said,
    };
    Some(format!("{}: expected {:?}, and was told {said:?}", sample.name, sample.expected))
}

fn facts(told: &Told) -> &Facts {
    let Some(Verdict::Ok(facts)) = &told.verdict else { unreachable!("{:?}", told.verdict) };
    facts
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[expect(clippy::print_stdout, reason = "what it takes is told, not asserted")]
fn look_at_all(samples: &[Sample], what: &str) {
    let (mut faults, mut peak, mut longest) = (Vec::new(), (0, ""), (Duration::ZERO, ""));
    let mut ended = 0;
    for sample in samples {
        let told = inspect(sample, &[]);
        faults.extend(fault(sample, &told));
        peak = peak.max((told.peak_kib, &sample.name));
        longest = longest.max((told.took, &sample.name));
        ended += usize::from(told.verdict.is_none());
    }
    println!(
        "{what}: {} files, {ended} ended by the limit of time, most memory {} MiB ({}), longest {:?} ({})",
        samples.len(),
        peak.0 >> 10,
        peak.1,
        longest.0,
        longest.1
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(peak.0 << 10 <= bounds::ADDRESS_SPACE_BYTES);
}

#[test]
fn hostile_files_are_refused_and_nothing_crashes() {
    let samples = hostile_files::all();
    assert!(samples.len() >= 120, "{}", samples.len());
    look_at_all(&samples, "hostile");
}

#[test]
fn good_files_are_taken_and_told() {
    look_at_all(&good_files::all(), "good");
}

#[test]
fn what_is_removed_is_gone_and_a_clean_file_stays_as_it_is() {
    // What is in a dataset stays as it is.
    for sample in good_files::all().into_iter().filter(|sample| sample.kind != FileKind::Dataset) {
        let told = inspect(&sample, &[]);
        let clean = told.clean.clone().unwrap_or_else(|| sample.bytes.clone());
        assert!(!contains(&clean, MAKER) && !contains(&clean, PLACE), "{}", sample.name);
        let again = Sample { bytes: clean, ..sample.clone() };
        let told_again = inspect(&again, &[]);
        assert_eq!(told_again.clean, None, "{}", sample.name);
        let (first, second) = (facts(&told), facts(&told_again));
        let shown = |facts: &Facts| Facts { stripped: Vec::new(), sections: Vec::new(), ..facts.clone() };
        assert_eq!(shown(first), shown(second), "{}", sample.name);
        assert_eq!(told.thumbnail, told_again.thumbnail, "{}", sample.name);

        // Who wants to keep it keeps it, and who wants a thumbnail gets nothing else.
        assert_eq!(inspect(&sample, &["--keep-metadata"]).clean, None, "{}", sample.name);
        assert_eq!(inspect(&sample, &["--only-thumbnail"]).clean, None, "{}", sample.name);
        // What follows the end is none of it, whoever keeps what.
        if sample.kind == FileKind::Image {
            let junk = Sample { bytes: [&sample.bytes[..], b"<script>"].concat(), ..sample.clone() };
            let kept = inspect(&junk, &["--keep-metadata"]);
            assert_eq!(kept.clean.as_deref(), Some(&sample.bytes[..]), "{}", sample.name);
        }
    }
}

#[test]
fn samples_stay_as_they_are() {
    let clean = |name: &str| {
        let sample = good_files::all().into_iter().find(|sample| sample.name == name).unwrap();
        (inspect(&sample, &[]).clean.unwrap(), sample.bytes)
    };
    assert_eq!(clean("told.mp3").0, sounds::mp3());
    assert_eq!(clean("told.wav").0, sounds::wav());
    assert!(clean("told.flac").0.ends_with(&sounds::flac_frames(10)));
    for name in ["told.opus", "told.ogg"] {
        let (clean, original) = clean(name);
        let last = original.windows(4).rposition(|window| window == b"OggS").unwrap();
        assert_eq!((clean.len(), &clean[last..]), (original.len(), &original[last..]));
    }
    for (name, start) in [("told.m4a", &b"mdat"[..]), ("told.mp4", b"mdat"), ("told.webm", b"\x1f\x43\xb6\x75")] {
        let (clean, original) = clean(name);
        let at = original.windows(4).rposition(|window| window == start).unwrap();
        let end = if name == "told.webm" { at + 100 } else { original.len() };
        assert_eq!((clean.len(), &clean[at..end]), (original.len(), &original[at..end]), "{name}");
    }
}

#[test]
fn pictures_are_told_upright() {
    for sample in good_files::all() {
        let told = inspect(&sample, &[]);
        let size = facts(&told).width.zip(facts(&told).height);
        let expected = match &sample.name[..] {
            "told.png" => (32, 48),
            "told.jpg" | "told.webp" => (48, 64),
            "plain.jpg" => (64, 48),
            "moving.gif" => (20, 10),
            _ => continue,
        };
        assert_eq!(size, Some(expected), "{}", sample.name);
        assert_eq!(facts(&told).placeholder.as_ref().map(String::len), Some(28));
        assert!(told.thumbnail.is_some_and(|thumbnail| thumbnail.starts_with(b"\xff\xd8\xff")));
    }
}

#[test]
fn nothing_that_changes_a_good_file_makes_the_child_crash() {
    let mut random = fastrand::Rng::with_seed(40);
    let good = good_files::all();
    for _ in 0..300 {
        let sample = &good[random.usize(..good.len())];
        let mut changed = sample.clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..changed.bytes.len());
            match random.u8(..4) {
                0 => changed.bytes[at] = random.u8(..),
                1 => changed.bytes[at] ^= 1 << random.u8(..8),
                2 => {
                    let end = (at + random.usize(..16)).min(changed.bytes.len());
                    changed.bytes.splice(at..end, [0xff; 4]);
                }
                _ => {
                    let end = (at + random.usize(..64)).min(changed.bytes.len());
                    let again = changed.bytes[at..end].to_vec();
                    changed.bytes.splice(at..at, again);
                }
            }
        }
        let told = inspect(&changed, &[]);
        // Whatever was made of it, it can be looked at again.
        if let Some(clean) = told.clean {
            let again = inspect(&Sample { bytes: clean, ..changed.clone() }, &[]);
            assert!(matches!(again.verdict, Some(Verdict::Ok(_))), "{}: {:?}", sample.name, again.verdict);
        }
    }
}

#[test]
fn only_a_file_is_read() {
    let run = |stdin: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_studio"));
        command.args(["inspect", "--kind", "image"]).env_clear().stdin(stdin).output().unwrap()
    };
    for none in [Stdio::null(), Stdio::from(std::io::pipe().unwrap().0), Stdio::from(File::open("/").unwrap())] {
        let output = run(none);
        assert!(!output.status.success() && output.stdout.is_empty());
    }
}

#[test]
fn the_page_tells_the_bounds_that_are_in_force() {
    let page = std::fs::read_to_string(crate::tidy::root().join("docs/media.md")).unwrap();
    let grouped = |number: u64| {
        let digits = number.to_string();
        let groups: Vec<_> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    };
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let told = [
        format!("{} pixels, {} on a side", grouped(bounds::PIXELS), grouped(bounds::SIDE.into())),
        format!("{} pixels, for they take longer", grouped(bounds::SLOW_PIXELS)),
        format!("{}; matters", mib(bounds::DECODED_BYTES)),
        format!("| a picture's file | {} |", mib(bounds::IMAGE_BYTES)),
        format!("{} frames, {} pixels", grouped(bounds::FRAMES.into()), grouped(bounds::FRAME_PIXELS)),
        format!("{} scans", bounds::SCANS),
        format!("{} parts", grouped(bounds::CHUNKS.into())),
        format!("{} blocks or pages of sound and video, {} tracks", grouped(bounds::BLOCKS.into()), bounds::TRACKS),
        format!("{} levels", bounds::NESTING),
        format!("{} bytes from one, beyond the first {}", bounds::RATIO, mib(bounds::RATIO_FREE_BYTES)),
        format!("| {} hours |", bounds::DURATION_MS / 3_600_000),
        format!("1 to {} channels", bounds::CHANNELS),
        format!(
            "{} to {} samples",
            grouped(bounds::LEAST_SAMPLE_RATE.into()),
            grouped(bounds::MOST_SAMPLE_RATE.into())
        ),
        format!("| a ZIP | {} files |", grouped(bounds::ENTRIES)),
        format!("{} GiB, as declared", bounds::UNPACKED_BYTES >> 30),
        format!("a name of {} bytes", bounds::NAME_BYTES),
        format!("{} lines of {}", grouped(bounds::LINES), mib(bounds::LINE_BYTES as u64)),
        format!("an object of {} levels", bounds::JSON_DEPTH),
        format!("{} of address space", mib(bounds::ADDRESS_SPACE_BYTES)),
        format!("{} seconds on a processor, for a dataset {}", bounds::CPU_SECONDS, bounds::DATASET_CPU_SECONDS),
    ];
    for told in told {
        assert!(page.contains(&told), "docs/media.md does not say: {told}");
    }
    for code in RefusalCode::ALL {
        assert!(page.contains(&format!("`{}`", code.as_str())), "docs/media.md does not say: {code:?}");
    }
}

/// Whether this machine can confine a process, by what its kernel says of this one. A build machine may be without.
pub(crate) fn can_confine() -> bool {
    let can = cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));
    can && std::fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Seccomp:"))
}

#[test]
fn who_looks_into_files_can_do_nothing_else() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_studio")).args(["inspect", "--confined"]).env_clear().output().unwrap();
    assert!(output.status.success());
    let probe: Probe = serde_json::from_slice(&output.stdout).unwrap();
    if can_confine() {
        assert!(probe.confined && probe.could.is_empty(), "{probe:?}");
    } else {
        println!("NOT TESTED: this kernel has no seccomp, and nothing confines who looks into files: {probe:?}");
        assert!(!probe.confined, "and it is not told that it is");
    }
    println!("confined: {}, Landlock: {}", probe.confined, probe.landlock);
}
