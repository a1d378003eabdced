//! Archives that unpack to more than there is, to elsewhere, or to something else; and lines that are none.

use super::refused;
use crate::good_files::{
    Sample,
    datasets::{File, archive, lines, zip, zip_around},
    gif, png, sounds,
};
use studio_core::inspection::{
    FileKind::Dataset,
    RefusalCode::{self, BadEntry, BadRatio, Damaged, TooManyEntries, TooManyPixels, Unsupported},
};

pub(super) fn all() -> Vec<Sample> {
    [bombs(), names(), lies(), contents(), jsonl()].concat()
}

fn sample(name: &str, bytes: Vec<u8>, codes: &'static [RefusalCode]) -> Sample {
    refused(format!("zip {name}"), Dataset, bytes, codes)
}

fn text(name: &str) -> File {
    File::new(name, b"a bear")
}

fn bombs() -> Vec<Sample> {
    let bomb = File::new("bomb.txt", &vec![b'a'; 64 << 20]);
    let claims = File { unpacked: u32::MAX, own_unpacked: u32::MAX, ..text("large.txt") };
    let hides = File { unpacked: 1_000, own_unpacked: 1_000, ..bomb.clone() };
    let many = |count: usize| (0..count).map(|number| text(&format!("{number}.txt"))).collect::<Vec<_>>();
    let overlap: Vec<File> = (0..500)
        .map(|number| File { at: Some(0), ..File::new(&format!("{number}.txt"), &vec![b'a'; 1 << 20]) })
        .collect();
    let mut same_name = overlap.clone();
    for file in &mut same_name {
        file.name = b"0.txt".to_vec();
    }
    vec![
        sample("of 64 MiB of one letter", zip(std::slice::from_ref(&bomb)), &[BadRatio]),
        sample("that says it has 4 GiB", zip(std::slice::from_ref(&claims)), &[BadRatio]),
        sample("that says it has 20 GiB", zip(&vec![claims; 5]), &[BadRatio, BadEntry]),
        sample("that has more than it says", zip(&[hides]), &[BadEntry]),
        sample(
            "of a hundred times 9 MiB",
            {
                zip(&(0..100)
                    .map(|number| File::new(&format!("{number}.txt"), &vec![b'a'; 9 << 20]))
                    .collect::<Vec<_>>())
            },
            &[BadRatio],
        ),
        sample("of 10001 files", zip(&many(10_001)), &[TooManyEntries]),
        sample("of 65535 files", zip(&many(65_535)), &[TooManyEntries, Unsupported]),
        sample("of 100000 files", zip(&many(100_000)), &[TooManyEntries, Damaged]),
        sample("with files on top of each other", zip(&overlap), &[BadEntry]),
        sample("with one file many times", zip(&same_name), &[BadEntry]),
    ]
}

fn names() -> Vec<Sample> {
    let named = |name: &[u8]| zip(&[File { name: name.to_vec(), own_name: name.to_vec(), ..text("a.txt") }]);
    let kind = |attributes: u32| zip(&[File { attributes, ..text("a.txt") }]);
    vec![
        sample("with ../", named(b"../a.txt"), &[BadEntry]),
        sample("with a/../../b", named(b"a/../../b.txt"), &[BadEntry]),
        sample("with /etc", named(b"/etc/a.txt"), &[BadEntry]),
        sample("with a backslash", named(b"..\\a.txt"), &[BadEntry]),
        sample("with C:", named(b"C:a.txt"), &[BadEntry]),
        sample("with a NUL", named(b"a.txt\0.png"), &[BadEntry]),
        sample("with a line break", named(b"a\n.txt"), &[BadEntry]),
        sample("with no name", named(b""), &[BadEntry]),
        sample("with a name of 300 bytes", named(&[b'a'; 300]), &[BadEntry]),
        sample("with a name in no UTF-8", named(b"\xff\xfe.txt"), &[BadEntry]),
        sample("with folders within folders", named("a/".repeat(100).as_bytes()), &[BadEntry]),
        sample("with //", named(b"a//b.txt"), &[BadEntry]),
        sample("with a symbolic link", kind(0xa1ff_0000), &[BadEntry]),
        sample("with a device", kind(0x21ff_0000), &[BadEntry]),
        sample("with a pipe", kind(0x11ff_0000), &[BadEntry]),
        sample("with the same name twice", zip(&[text("a.txt"), text("a.txt")]), &[BadEntry]),
        sample("with the same name in other letters", zip(&[text("a.txt"), text("A.TXT")]), &[BadEntry]),
    ]
}

fn lies() -> Vec<Sample> {
    let one = |change: fn(&mut File)| {
        let mut file = text("a.txt");
        change(&mut file);
        zip(&[file])
    };
    let plain = || zip(&[text("a.txt"), text("b.txt")]);
    let patched = |from_end: usize, value: &[u8]| {
        let mut bytes = plain();
        let at = bytes.len() - from_end;
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    vec![
        sample("with two names for one file", one(|file| file.own_name = b"b.txt".to_vec()), &[BadEntry]),
        sample("with two lengths for one file", one(|file| file.own_unpacked = 9), &[BadEntry]),
        sample("with an encrypted file", one(|file| file.flags = 1), &[BadEntry]),
        sample("with a masked directory", one(|file| file.flags = 0x2000), &[BadEntry]),
        sample("with a wrong checksum", one(|file| file.checksum ^= 1), &[BadEntry]),
        sample("with a wrong length", one(|file| (file.unpacked, file.own_unpacked) = (7, 7)), &[BadEntry]),
        sample("packed by bzip2", one(|file| file.method = 12), &[BadEntry]),
        sample("packed by nothing that says otherwise", one(|file| file.method = 0), &[BadEntry]),
        sample("of noise", one(|file| file.packed = vec![0x5a; 99]), &[BadEntry]),
        sample("with a file behind the end", one(|file| file.at = Some(1 << 30)), &[Damaged]),
        sample("with a file in the directory", one(|file| file.at = Some(60)), &[BadEntry, Damaged]),
        sample("with something between", zip_around(&[text("a.txt")], &[], &[0x55; 99], &[]), &[Damaged]),
        sample("with something behind", zip_around(&[text("a.txt")], &[], &[], b"<script>"), &[Damaged]),
        sample("with another archive behind", [plain(), zip(&[text("c.txt")])].concat(), &[Damaged]),
        sample("with another archive before", [zip(&[text("c.txt")]), plain()].concat(), &[Damaged]),
        sample("with a directory elsewhere", patched(6, &[1, 0, 0, 0]), &[Damaged]),
        sample("with a directory of 4 GiB", patched(10, &[0xff; 4]), &[Unsupported, Damaged]),
        sample("on several disks", patched(18, &[1, 0]), &[Damaged]),
        sample("that says it has one file", patched(14, &[1, 0, 1, 0]), &[Damaged]),
        sample("that says it has three files", patched(14, &[3, 0, 3, 0]), &[Damaged]),
        sample("of nothing", zip(&[]), &[BadEntry]),
    ]
}

fn contents() -> Vec<Sample> {
    let of = |name: &str, content: &[u8]| zip(&[File::new(name, content)]);
    let huge = png::of(&[png::header(60_000, 60_000, 0, 0), png::chunk(b"IDAT", &[]), png::chunk(b"IEND", &[])]);
    vec![
        sample("within a zip", of("inner.zip", &archive()), &[BadEntry]),
        sample("within a zip as a picture", of("inner.png", &archive()), &[BadEntry]),
        sample("within a zip as a leftover", of("__MACOSX/inner", &archive()), &[BadEntry]),
        sample("of a program as a picture", of("a.jpg", b"\x7fELF\x02\x01\x01"), &[BadEntry]),
        sample("of a page as a text", of("a.html", b"<script>"), &[BadEntry]),
        sample("of a drawing", of("a.svg", b"<svg/>"), &[BadEntry]),
        sample("of a file without an ending", of("README", b"read me"), &[BadEntry]),
        sample("of a png as a jpeg", of("a.jpg", &png::told()), &[BadEntry]),
        sample("of a sound as a picture", of("a.webp", &sounds::wav()), &[BadEntry]),
        sample("of a picture as a sound", of("a.mp3", &gif::told()), &[BadEntry]),
        sample("of bytes as a text", of("a.txt", &[0xff; 99]), &[BadEntry]),
        sample("of a text with a NUL", of("a.csv", b"a,b\0c"), &[BadEntry]),
        sample("of a text that is cut off", of("a.txt", "Bär".as_bytes().get(..2).unwrap_or_default()), &[BadEntry]),
        sample("of lines that are none", of("a.jsonl", b"{\"a\":1}\n[1]\n"), &[BadEntry]),
        sample("of a picture of 60000 x 60000", of("a.png", &huge), &[TooManyPixels]),
    ]
}

fn jsonl() -> Vec<Sample> {
    let of = |name: &str, bytes: Vec<u8>, codes| refused(format!("jsonl {name}"), Dataset, bytes, codes);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    vec![
        of("of a hundred thousand brackets", deep, &[BadEntry]),
        of("of one line of 2 MiB", format!("{{\"a\":\"{}\"}}", "a".repeat(2 << 20)).into_bytes(), &[BadEntry]),
        of("of 1000001 lines", b"{}\n".repeat(1_000_001), &[TooManyEntries]),
        of("with a list", [lines(3), b"[1,2]\n".to_vec()].concat(), &[BadEntry]),
        of("with a page", [lines(3), b"<script>\n".to_vec()].concat(), &[BadEntry]),
        of("in no UTF-8", [lines(3), b"{\"a\":\"\xff\"}\n".to_vec()].concat(), &[BadEntry]),
        of("with a NUL", [lines(3), b"{\"a\":\"\0\"}\n".to_vec()].concat(), &[BadEntry]),
        of("that is cut off", b"{\"a\":\"b".to_vec(), &[BadEntry]),
        of("over several lines", b"{\n\"a\": 1\n}\n".to_vec(), &[BadEntry]),
    ]
}
