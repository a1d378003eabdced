//! Files that are two things at once: a picture, a sound, an archive, and a page or a script. Whoever serves one of them carelessly from
//! their own origin has given that origin away.
//!
//! All are made here, byte by byte. Each tries to run a script that tells a *canary*, a server of the test's, and says so on the
//! console. [`Polyglot::harm`] says how it would come to run: a test proves first that it does, on a server without any
//! care, so that silence elsewhere means something.

mod containers;
mod markup;
mod pictures;

/// How a file comes to run its script, if a server lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Opened as a page that is served as this type.
    Page(&'static str),
    /// Named by a page as a classic script, in this character set.
    Script(&'static str),
    /// In no browser of today; it stays here for those of tomorrow.
    None,
}

/// One.
#[derive(Debug, Clone)]
pub struct Polyglot {
    /// Its own short name.
    pub name: String,
    /// The name of the file, as whoever sends it says.
    pub file_name: String,
    /// Its type, as whoever sends it says.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How it would come to run.
    pub harm: Harm,
}

/// What a script that has run does with its canary's name before it: what tests look for on the console.
pub const RAN: &str = "polyglot ran: ";

/// What the script of one of them does: says so, changes the title, and tells the canary in every way that there is. It has no
/// `<`, `&` or double quotation marks, so that it can stand anywhere.
fn script(canary: &str, name: &str) -> String {
    let mut script = format!("var u='{canary}/ran/{name}';");
    for one in [
        format!("console.log('{RAN}{name}')"),
        "document.title='ran'".to_owned(),
        "fetch(u,{mode:'no-cors'})".to_owned(),
        "new Image().src=u".to_owned(),
        "navigator.sendBeacon(u)".to_owned(),
        "importScripts(u)".to_owned(),
        "navigator.serviceWorker.register(location.pathname)".to_owned(),
    ] {
        script += &format!("try{{{one}}}catch(e){{}}");
    }
    script
}

/// Makes them, one after another, each with its own script.
struct Maker<'a> {
    canary: &'a str,
    made: Vec<Polyglot>,
}

/// What one of them is made with.
struct Words {
    /// The script alone.
    script: String,
    /// A page with the script.
    html: String,
    /// A picture in words with the script.
    svg: String,
}

impl Maker<'_> {
    /// Adds one. `ending` is its file's.
    fn add(
        &mut self,
        name: &str,
        ending: &str,
        media_type: &'static str,
        harm: Harm,
        make: impl FnOnce(&Words) -> Vec<u8>,
    ) {
        let script = script(self.canary, name);
        let html = format!(
            "<!doctype html><html><head><title>page</title></head><body><script>{script}</script>\
             <img src=x: onerror=\"{script}\"></body></html>"
        );
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><script>{script}</script></svg>"
        );
        let bytes = make(&Words { script, html, svg });
        let file_name = format!("{name}.{ending}");
        self.made.push(Polyglot { name: name.to_owned(), file_name, media_type, bytes, harm });
    }
}

/// All of them, telling this canary: an origin such as `http://127.0.0.1:1234`.
pub fn corpus(canary: &str) -> Vec<Polyglot> {
    let mut maker = Maker { canary, made: Vec::new() };
    pictures::add(&mut maker);
    containers::add(&mut maker);
    markup::add(&mut maker);
    maker.made
}

/// The checksum of PNG, zlib's CRC-32.
fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Pieces, one after another.
fn join(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_many_and_each_has_its_own_name_and_its_script() {
        let corpus = corpus("http://127.0.0.1:9");
        let names: BTreeSet<_> = corpus.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), corpus.len());
        assert!(corpus.len() >= 50, "{}", corpus.len());
        let plain = |one: &&Polyglot| one.bytes.windows(3).any(|window| window == b"ran");
        assert!(corpus.iter().filter(plain).count() * 10 > corpus.len() * 8);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
    }
}
