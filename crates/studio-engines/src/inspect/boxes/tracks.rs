//! Tracks: pictures, sound, and others.

use super::Name;
use crate::inspect::{
    bounds,
    refusal::{Looked, refuse},
};
use studio_core::inspection::RefusalCode;

/// One of them.
#[derive(Default)]
pub(in crate::inspect) struct Track {
    /// `vide`, `soun` or another.
    pub(in crate::inspect) handler: Name,
    pub(in crate::inspect) codec: Option<Name>,
    pub(in crate::inspect) width: u32,
    pub(in crate::inspect) height: u32,
    /// Whether it is shown turned by a quarter.
    pub(in crate::inspect) on_its_side: bool,
    pub(in crate::inspect) channels: u32,
    pub(in crate::inspect) sample_rate: u32,
}

impl Track {
    pub(super) fn is_sound(&self) -> bool {
        &self.handler == b"soun"
    }

    /// Held against the bounds.
    pub(super) fn fair_size(&self) -> Looked<()> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if self.width > bounds::SIDE || self.height > bounds::SIDE || pixels > bounds::PIXELS {
            let (width, height) = (self.width, self.height);
            return refuse(
                RefusalCode::TooManyPixels,
                format!(
                    "the video has {width} x {height} pixels; {} on a side and {} in all are allowed",
                    bounds::SIDE,
                    bounds::PIXELS
                ),
            );
        }
        Ok(())
    }

    /// Its size as it is shown.
    pub(in crate::inspect) fn size(&self) -> (u32, u32) {
        if self.on_its_side { (self.height, self.width) } else { (self.width, self.height) }
    }
}
