//! The text of one prediction as far as it was said: one text, and where its pieces end. It only ever grows, so a reader
//! needs to know nothing but how many pieces it has, and one that is slow gets many of them at once.

/// Most bytes that one prediction may say.
pub(super) const MOST_BYTES: usize = 256 << 10;

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    text: String,
    /// The end of each piece, in bytes of the text.
    ends: Vec<u32>,
    too_much: bool,
}

impl Said {
    /// Adds a piece. `false`: there is no room for it, and it is left out whole. An empty piece is none.
    pub(super) fn push(&mut self, piece: &str) -> bool {
        let end = self.text.len().saturating_add(piece.len());
        let fits = end <= MOST_BYTES && !self.too_much;
        match u32::try_from(end) {
            Ok(end) if fits && !piece.is_empty() => {
                self.text.push_str(piece);
                self.ends.push(end);
            }
            _ => self.too_much |= !fits,
        }
        fits
    }

    /// Whether something had to be left out.
    pub(super) fn was_too_much(&self) -> bool {
        self.too_much
    }

    /// How many pieces there are.
    pub(super) fn pieces(&self) -> usize {
        self.ends.len()
    }

    /// The text after the first `pieces` of them.
    pub(super) fn after(&self, pieces: usize) -> &str {
        self.text.get(self.start(pieces)..).unwrap_or_default()
    }

    /// Each piece.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().enumerate();
        ends.map(|(index, end)| self.text.get(self.start(index)..*end as usize).unwrap_or_default())
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of::<u32>() * self.ends.len()
    }

    /// Where the piece of that index starts.
    fn start(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| *end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_what_they_were_and_readers_get_the_rest_at_once() {
        let mut said = Said::default();
        assert_eq!((said.pieces(), said.after(0)), (0, ""));
        for piece in ["Grüße", "", " aus", " Bern\n"] {
            assert!(said.push(piece));
        }
        assert_eq!(said.iter().collect::<Vec<_>>(), ["Grüße", " aus", " Bern\n"]);
        assert_eq!([said.after(0), said.after(1), said.after(3)], ["Grüße aus Bern\n", " aus Bern\n", ""]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_so_is_all_after_it() {
        let mut said = Said::default();
        assert!(said.push(&"x".repeat(MOST_BYTES - 1)) && !said.push("ab") && !said.push("a"));
        assert!(said.was_too_much());
        assert_eq!((said.pieces(), said.after(0).len()), (1, MOST_BYTES - 1));
        let mut full = Said::default();
        assert!(full.push(&"x".repeat(MOST_BYTES)) && full.push(""));
        assert!(!full.was_too_much());
    }
}
