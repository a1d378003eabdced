//! How much may be uploaded: caps by kind, a quota for each user, and how long an upload may take.

use super::{UPLOAD_DEADLINE, UPLOAD_IDLE, UPLOADS_AT_ONCE};
use serde::Deserialize;
use std::{fmt, str::FromStr, time::Duration};
use studio_core::inspection::FileKind;

/// A number of bytes, as people write it: `20 MiB`, `1 GiB`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ByteSize(pub u64);

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size must be a whole number, of at least 1, of bytes, KiB, MiB, GiB or TiB, such as 20 MiB")]
pub struct NotASize;

const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];

impl FromStr for ByteSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let text = text.trim();
        let (number, shift) =
            UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift))).ok_or(NotASize)?;
        let number: u64 = number.trim().parse().map_err(|_| NotASize)?;
        // Sums of some of them must still be numbers.
        let bytes = number.checked_mul(1 << shift).filter(|bytes| (1..=1 << 60).contains(bytes));
        bytes.map(Self).ok_or(NotASize)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = NotASize;

    fn try_from(text: String) -> Result<Self, NotASize> {
        text.parse()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |shift: &u32| self.0.is_multiple_of(1 << shift);
        let (unit, shift) = UNITS.iter().find(|(_, shift)| fits(shift)).copied().unwrap_or(("", 0));
        write!(f, "{} {}", self.0 >> shift, if unit.is_empty() { "bytes" } else { unit })
    }
}

/// As configured. What is not said is usual.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadSettings {
    /// Most bytes of a picture: 20 MiB.
    pub image: Option<ByteSize>,
    /// Most bytes of a sound: 100 MiB.
    pub audio: Option<ByteSize>,
    /// Most bytes of a film: 512 MiB.
    pub video: Option<ByteSize>,
    /// Most bytes of things to learn from: 1 GiB.
    pub dataset: Option<ByteSize>,
    /// Most bytes that are kept of what one user brought, by uploads or inside requests: 10 GiB.
    pub per_user: Option<ByteSize>,
    /// Most uploads of one user at once: 4.
    pub at_once: Option<usize>,
    /// Longest that an upload may pause, in seconds: 30.
    pub idle_seconds: Option<u64>,
    /// Longest that an upload may take, in seconds: 600.
    pub deadline_seconds: Option<u64>,
}

/// What all that one user brought may have together.
pub const USUAL_QUOTA: u64 = 10 << 30;

impl UploadSettings {
    /// Most bytes of a file of a kind.
    pub fn cap(&self, kind: FileKind) -> u64 {
        let (configured, usual) = match kind {
            FileKind::Image => (self.image, 20 << 20),
            FileKind::Audio => (self.audio, 100 << 20),
            FileKind::Video => (self.video, 512 << 20),
            FileKind::Dataset => (self.dataset, 1 << 30),
        };
        configured.map_or(usual, |size| size.0)
    }

    /// Most bytes of any file.
    pub fn largest_cap(&self) -> u64 {
        FileKind::ALL.map(|kind| self.cap(kind)).into_iter().max().unwrap_or(0)
    }

    /// Most bytes of all that one user brought.
    pub fn quota(&self) -> u64 {
        self.per_user.map_or(USUAL_QUOTA, |size| size.0)
    }

    /// Most uploads of one user at once.
    pub fn at_once(&self) -> usize {
        self.at_once.unwrap_or(UPLOADS_AT_ONCE).max(1)
    }

    /// Longest pause.
    pub fn idle(&self) -> Duration {
        self.idle_seconds.map_or(UPLOAD_IDLE, Duration::from_secs)
    }

    /// Longest time altogether.
    pub fn deadline(&self) -> Duration {
        self.deadline_seconds.map_or(UPLOAD_DEADLINE, Duration::from_secs)
    }

    /// Lays a variable's value over what was configured. False: there is no such setting.
    pub fn lay(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let size = || value.parse::<ByteSize>().map(Some).map_err(|error| error.to_string());
        let number = || value.parse::<u64>().map(Some).map_err(|_| "must be a whole number".to_owned());
        match name {
            "IMAGE" => self.image = size()?,
            "AUDIO" => self.audio = size()?,
            "VIDEO" => self.video = size()?,
            "DATASET" => self.dataset = size()?,
            "PER_USER" => self.per_user = size()?,
            "AT_ONCE" => self.at_once = number()?.and_then(|number| usize::try_from(number).ok()),
            "IDLE_SECONDS" => self.idle_seconds = number()?,
            "DEADLINE_SECONDS" => self.deadline_seconds = number()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("20 MiB", 20 << 20), ("1GiB", 1 << 30), (" 512 KiB ", 512 << 10), ("4096", 4096)] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for bad in ["", "0", "MiB", "-1 MiB", "1.5 GiB", "20 MB", "20 mib", "99999999 TiB", "99999999999999999999"] {
            assert_eq!(bad.parse::<ByteSize>(), Err(NotASize), "{bad}");
        }
        assert_eq!([ByteSize(20 << 20), ByteSize(1000)].map(|size| size.to_string()), ["20 MiB", "1000 bytes"]);
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let mut settings = UploadSettings::default();
        assert_eq!(settings.cap(FileKind::Image), 20 << 20);
        assert!(settings.lay("IMAGE", "1 KiB").unwrap() && settings.lay("AT_ONCE", "9").unwrap());
        assert_eq!((settings.cap(FileKind::Image), settings.at_once()), (1 << 10, 9));
        assert!(!settings.lay("NONSENSE", "1").unwrap() && settings.lay("VIDEO", "much").is_err());
        assert_eq!((settings.largest_cap(), settings.quota()), (1 << 30, 10 << 30));
    }
}
