//! A gibibyte that comes unannounced: however it ends, the server's memory does not grow with it, and what is refused leaves nothing.

use crate::{
    setup,
    upload::{blobs, good, head, kept, png, wait_until_settled},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};
use studio_testkit::studio::Studio;

/// A figure of a process from its status, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().unwrap()
}

const GIBIBYTE: u64 = 1 << 30;

/// Sends a gibibyte in chunks, unannounced: the beginning and zeros. What is answered.
fn send_gibibyte(address: &str, head: &str, beginning: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut block = beginning.to_vec();
    let mut left = GIBIBYTE;
    while left > 0 {
        block.resize(usize::try_from(left.min(1 << 20)).unwrap(), 0);
        let framed = [format!("{:x}\r\n", block.len()).as_bytes(), &block, b"\r\n"].concat();
        // It may be refused before it has come.
        if stream.write_all(&framed).is_err() {
            break;
        }
        left -= block.len() as u64;
        block.fill(0);
    }
    drop(stream.write_all(b"0\r\n\r\n"));
    let mut reply = Vec::new();
    drop(stream.read_to_end(&mut reply));
    String::from_utf8_lossy(&reply).into_owned()
}

/// The head of a WAV of a gibibyte: 16-bit stereo at 48 kHz, an hour and a half.
fn long_wav() -> Vec<u8> {
    let size = u32::try_from(GIBIBYTE).unwrap();
    let mut wav = b"RIFF".to_vec();
    wav.extend((size - 8).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    wav.extend(48_000_u32.to_le_bytes());
    wav.extend(192_000_u32.to_le_bytes());
    wav.extend(b"\x04\0\x10\0data");
    wav.extend((size - 44).to_le_bytes());
    wav
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_takes_no_memory_whether_it_is_taken_or_not() {
    let config = "[uploads]\naudio = \"2 GiB\"\nimage = \"2 GiB\"\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let (pid, address) = (studio.pid().unwrap(), studio.address().trim_start_matches("http://").to_owned());
    kept(&studio, "", good("plain.wav")).await;
    let before = blobs(&studio);
    let at_rest = memory(pid, "VmRSS");
    for (name, beginning, wanted) in [
        ("a picture that is none behind its first bytes", png()[..8].to_vec(), &["400"][..]),
        ("what is nothing", vec![0; 64], &["400"]),
        ("a film over its limit", good("plain.mp4"), &["413"]),
        // Whether all of it can be looked through within its time is the machine's to say.
        ("a sound of an hour and a half", long_wav(), &["200", "400"]),
    ] {
        let head = head(&studio, "Transfer-Encoding: chunked\r\nConnection: close\r\n");
        let (address, begun) = (address.clone(), Instant::now());
        let reply = tokio::task::spawn_blocking(move || send_gibibyte(&address, &head, &beginning)).await.unwrap();
        let grown = memory(pid, "VmHWM").saturating_sub(at_rest) / 1024;
        let status = reply.get(9..12).unwrap_or_default();
        println!("{name}: {status} after {:?}; memory grew by {grown} MiB at most", begun.elapsed());
        assert!(wanted.contains(&status), "{name}: {reply}");
        assert!(grown <= 32, "{name}: {grown} MiB");
        wait_until_settled(&studio);
        assert_eq!(blobs(&studio).len(), before.len() + usize::from(status == "200"), "{name}");
    }
    // If it was taken, it is the newest.
    let sound = studio.get("/api/v1/assets?kind=audio&limit=1").await.unwrap().json()["items"][0].clone();
    if sound["bytes"] == GIBIBYTE {
        assert_eq!(sound["channels"], 2, "{sound}");
    }
}
