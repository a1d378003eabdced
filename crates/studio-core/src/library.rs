//! What people keep here: names of files, and what is known of them without looking into them again.

use crate::{
    id::{AssetId, ShareId, UserId},
    inspection::Facts as Inspected,
    media::MediaType,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Longest name of a file, in bytes: what most file systems take.
pub const MAX_NAME_BYTES: usize = 255;
/// Longest title of a shared page, in characters.
pub const MAX_TITLE_CHARS: usize = 200;

/// Where an asset comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Its owner brought it: it counts against their quota, and stays until they remove it.
    Uploaded,
    /// It came inside a request, and goes with the job that it made.
    Sent,
    /// A job made it, and it goes with that.
    Made,
}

impl Origin {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Uploaded, Self::Sent, Self::Made];

    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Sent => "sent",
            Self::Made => "made",
        }
    }

    /// Reads what [`Origin::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == text)
    }
}

/// What is known of an asset beside its bytes. Whatever its kind does not have is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// As it is shown, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// As it is shown, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures in a picture that moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Samples of each channel in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels of its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// Files in an archive, or lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// A BlurHash, to show until the picture is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Kinds of metadata that it came with and has no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stripped: Vec<String>,
}

impl From<Inspected> for Facts {
    fn from(found: Inspected) -> Self {
        let Inspected { width, height, frames, duration_ms, sample_rate, channels, entries, .. } = found;
        let (placeholder, stripped) = (found.placeholder, found.stripped);
        Self { width, height, frames, duration_ms, sample_rate, channels, entries, placeholder, stripped }
    }
}

/// A page that anyone who knows its address may see, with one asset on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its place in lists.
    pub id: ShareId,
    /// Its address: unguessable, and the only permission that is needed.
    pub slug: String,
    /// Whose it is.
    pub owner: UserId,
    /// What it shows.
    pub asset: AssetId,
    /// What its owner calls it.
    pub title: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Length of a slug: so many of 62 letters and digits are 131 bits, which nobody guesses.
pub const SLUG_CHARS: usize = 22;

/// Makes a slug of random bytes, of which there must be more than letters: some are passed over.
pub fn slug(random: &[u8]) -> Option<String> {
    crate::caller::base62(random, SLUG_CHARS)
}

/// Whether a text can be a slug.
pub fn is_slug(text: &str) -> bool {
    text.len() == SLUG_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A name for a file as it may be shown and offered for keeping: the last part of a path, without what controls terminals,
/// turns text around or can't be seen, and short enough for any file system. Nothing is left of some.
pub fn file_name(text: &str) -> Option<String> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_hidden(*c)).collect();
    let name = kept.trim().trim_start_matches('.').trim_end_matches(['.', ' ']).trim();
    if name.is_empty() {
        return None;
    }
    // Its ending says what it is, so that stays.
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 16 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let stem = &stem[..stem.floor_char_boundary(MAX_NAME_BYTES - ending.len())];
    Some(format!("{stem}{ending}"))
}

/// A title for a page: one line that shows what it says.
pub fn title(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !is_hidden(*c)).take(MAX_TITLE_CHARS).collect();
    Some(kept.trim().to_owned()).filter(|title| !title.is_empty())
}

/// Whether a character controls what is around it instead of being seen: control characters, line and paragraph separators,
/// what turns the direction of text around, what has no width and joins nothing, and the block of tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{061c}')
}

/// Why a name or a declared type does not go with what bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// Its name ends in what other files end in.
    Ending,
    /// It is said to be of another type.
    Type,
}

/// The type of a file by its bytes (`sniffed`), after its name and what it is said to be were held against them. What says
/// nothing contradicts nothing: no name, a name without an ending, `application/octet-stream`. Sound and film share a
/// container; there what is said decides.
pub fn agreed(sniffed: MediaType, name: Option<&str>, declared: Option<&str>) -> Result<MediaType, Contradiction> {
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let mut taken = sniffed;
    if let Some(ending) = ending {
        taken = as_said(taken, |kind| kind.extensions().contains(&&*ending)).ok_or(Contradiction::Ending)?;
    }
    let declared = declared.map(|declared| declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if let Some(declared) = declared.filter(|declared| !declared.is_empty() && declared != "application/octet-stream") {
        let named = |kind: MediaType| kind.as_str() == declared || kind.other_names().contains(&&*declared);
        taken = as_said(taken, named).ok_or(Contradiction::Type)?;
    }
    Ok(taken)
}

/// The type itself, or the other one of its container, whichever is meant.
fn as_said(kind: MediaType, said: impl Fn(MediaType) -> bool) -> Option<MediaType> {
    let other = match kind {
        MediaType::Mp4 => Some(MediaType::M4a),
        MediaType::M4a => Some(MediaType::Mp4),
        _ => None,
    };
    std::iter::once(kind).chain(other).find(|kind| said(*kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_what_they_look_like() {
        let long = format!("{}.png", "ü".repeat(200));
        for (sent, kept) in [
            ("cat.png", Some("cat.png")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\pictures\\cat.png", Some("cat.png")),
            ("a\r\nSet-Cookie: x.png", Some("aSet-Cookie: x.png")),
            ("gnp.\u{202e}exe.png", Some("gnp.exe.png")),
            ("  .hidden.png ", Some("hidden.png")),
            ("name. . ", Some("name")),
            ("\"quoted\"; x=y.png", Some("\"quoted\"; x=y.png")),
            ("смотри.png", Some("смотри.png")),
            ("", None),
            ("...", None),
            ("a/", None),
            ("\u{0}\u{feff}", None),
        ] {
            assert_eq!(file_name(sent).as_deref(), kept, "{sent:?}");
        }
        let cut = file_name(&long).unwrap();
        assert!(cut.len() <= MAX_NAME_BYTES && cut.len() >= MAX_NAME_BYTES - 1 && cut.ends_with("ü.png"), "{cut}");
        assert_eq!(title(" a\u{202e}\nb "), Some("ab".into()));
    }

    #[test]
    fn what_is_said_of_a_file_must_go_with_its_bytes() {
        use Contradiction::{Ending, Type};
        use MediaType::{Jpeg, M4a, Mp4, Png};
        for (sniffed, name, declared, result) in [
            (Png, None, None, Ok(Png)),
            (Png, Some("cat"), Some("application/octet-stream"), Ok(Png)),
            (Png, Some("cat.PNG"), Some("Image/PNG; q=1"), Ok(Png)),
            (Png, Some("cat.apng"), Some("image/apng"), Ok(Png)),
            (Png, Some("cat.html"), None, Err(Ending)),
            (Png, Some("cat.png"), Some("text/html"), Err(Type)),
            (Png, Some("cat.png"), Some("image/jpeg"), Err(Type)),
            (Jpeg, Some("cat.png"), Some("image/jpg"), Err(Ending)),
            (Jpeg, Some("cat.jpeg"), Some("image/jpg"), Ok(Jpeg)),
            (Mp4, Some("song.m4a"), Some("audio/x-m4a"), Ok(M4a)),
            (Mp4, Some("film.mov"), Some("video/quicktime"), Ok(Mp4)),
            (Mp4, None, Some("audio/mp4"), Ok(M4a)),
            (M4a, Some("film.mp4"), None, Ok(Mp4)),
        ] {
            assert_eq!(agreed(sniffed, name, declared), result, "{sniffed:?} {name:?} {declared:?}");
        }
    }

    #[test]
    fn slugs_are_long_and_of_letters_and_digits() {
        assert_eq!(slug(&[0; 22]).unwrap(), "0".repeat(22));
        assert_eq!(slug(&[255; 64]), None, "unfair ones are passed over");
        let made = slug(&(0..64_u8).map(|n| n.wrapping_mul(7)).collect::<Vec<u8>>()).unwrap();
        assert!(is_slug(&made), "{made}");
        for other in ["", "abc", &"-".repeat(22), &"ü".repeat(11)] {
            assert!(!is_slug(other), "{other}");
        }
    }
}
