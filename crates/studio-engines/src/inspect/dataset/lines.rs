//! Lines of JSON: each an object, none too long, not too many.

use crate::inspect::{
    bounds,
    refusal::{Looked, refuse},
};
use serde::de::IgnoredAny;
use std::collections::HashMap;
use studio_core::inspection::RefusalCode;

/// Lines, taken piece by piece.
#[derive(Default)]
pub(super) struct Lines {
    /// A line whose end has not come yet.
    open: Vec<u8>,
    lines: u64,
    objects: u64,
}

impl Lines {
    /// The next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Looked<()> {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = pieces.next() {
            self.extend(first)?;
        }
        for piece in pieces {
            self.line()?;
            self.extend(piece)?;
        }
        Ok(())
    }

    fn extend(&mut self, piece: &[u8]) -> Looked<()> {
        if self.open.len() + piece.len() > bounds::LINE_BYTES {
            let (line, most) = (self.lines + 1, bounds::LINE_BYTES);
            return refuse(RefusalCode::BadEntry, format!("line {line} is too long; {most} bytes are allowed"));
        }
        self.open.extend(piece);
        Ok(())
    }

    fn line(&mut self) -> Looked<()> {
        self.lines += 1;
        let line = self.open.trim_ascii();
        if !line.is_empty() {
            self.objects += 1;
            let text = std::str::from_utf8(line).ok().filter(|text| !text.contains('\0'));
            let object = text.and_then(|text| serde_json::from_str::<HashMap<String, IgnoredAny>>(text).ok());
            if object.is_none() || depth(line) > bounds::JSON_DEPTH {
                let (line, most) = (self.lines, bounds::JSON_DEPTH);
                return refuse(
                    RefusalCode::BadEntry,
                    format!("line {line} is no object of JSON in UTF-8 with at most {most} levels"),
                );
            }
        }
        if self.objects > bounds::LINES {
            return refuse(RefusalCode::TooManyEntries, format!("the file has more than {} lines", bounds::LINES));
        }
        self.open.clear();
        Ok(())
    }

    /// How many objects there were.
    pub(super) fn finish(mut self) -> Looked<u64> {
        self.line()?;
        match self.objects {
            0 => refuse(RefusalCode::BadEntry, "there is no line in it"),
            objects => Ok(objects),
        }
    }
}

/// How deep lists and objects lie within each other: others read it by functions that call themselves.
fn depth(line: &[u8]) -> u32 {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_u32, 0, false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
