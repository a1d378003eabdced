//! Reads a stream of server-sent events (WHATWG HTML, 9.2), whatever the pieces in which its bytes come, in bounded memory.
//!
//! Every byte is looked at once and copied at most twice; an event is lent to whoever takes it and costs no memory of its
//! own. Lines end with LF, CR or CRLF; an event that no blank line ends is none. Times to reconnect are passed over: nobody
//! here reconnects by itself.

use std::borrow::Cow;

/// Most bytes of one line, and of all data of one event.
pub(crate) const EVENT_LIMIT: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// What it is called; `message` unless it says otherwise.
    pub(crate) name: Cow<'a, str>,
    /// Its data, lines joined by LF.
    pub(crate) data: Cow<'a, str>,
}

/// A line or an event is larger than [`EVENT_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {EVENT_LIMIT} bytes")]
pub(crate) struct TooLarge;

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// How much of a byte order mark has come; past its length, the stream has begun.
    mark: usize,
    /// The last byte was a CR: an LF that comes next belongs to it.
    after_cr: bool,
    event: Building,
}

/// An event whose blank line has not come yet.
#[derive(Debug, Default)]
struct Building {
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl EventStream {
    /// Takes the next bytes, and gives `take` each event that they complete. After an error the stream is of no use.
    pub(crate) fn feed<E: From<TooLarge>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = self.without_mark(bytes);
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return Ok(self.hold(rest)?);
            };
            let ended = if self.line.is_empty() {
                let line = &rest[..end];
                if line.len() > EVENT_LIMIT {
                    return Err(TooLarge.into());
                }
                self.event.add(line)?
            } else {
                self.hold(&rest[..end])?;
                let ended = self.event.add(&self.line)?;
                self.line.clear();
                ended
            };
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if ended {
                self.event.end(&mut take)?;
            }
        }
        Ok(())
    }

    /// Passes over a byte order mark at the very beginning, however it comes.
    fn without_mark<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.mark < BYTE_ORDER_MARK.len()
            && let Some(first) = bytes.first()
        {
            if *first == BYTE_ORDER_MARK[self.mark] {
                self.mark += 1;
                bytes = &bytes[1..];
            } else {
                // It was none: what looked like one is the beginning of the first line.
                self.line.extend_from_slice(&BYTE_ORDER_MARK[..self.mark]);
                self.mark = BYTE_ORDER_MARK.len();
            }
        }
        bytes
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() > EVENT_LIMIT {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }
}

impl Building {
    /// Adds a line; true: it is the blank one that ends the event.
    fn add(&mut self, line: &[u8]) -> Result<bool, TooLarge> {
        if line.is_empty() {
            return Ok(true);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &[][..]), |colon| (&line[..colon], &line[colon + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.data.len() + value.len() >= EVENT_LIMIT {
                    return Err(TooLarge);
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // A comment, or a field that nobody here needs.
            _ => {}
        }
        Ok(false)
    }

    fn end<E>(&mut self, take: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let taken = if self.has_data {
            let name = if self.name.is_empty() { "message".into() } else { String::from_utf8_lossy(&self.name) };
            take(Event { name, data: String::from_utf8_lossy(&self.data) })
        } else {
            Ok(())
        };
        self.name.clear();
        self.data.clear();
        self.has_data = false;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Events = Vec<(String, String)>;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Events, TooLarge> {
        let (mut stream, mut events) = (EventStream::default(), Vec::new());
        for piece in pieces {
            stream.feed(piece, |event| {
                events.push((event.name.into_owned(), event.data.into_owned()));
                Ok::<_, TooLarge>(())
            })?;
        }
        Ok(events)
    }

    fn messages(data: &[&str]) -> Events {
        data.iter().map(|data| ("message".to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("data: a\n\ndata:b\n\n", messages(&["a", "b"])),
            ("data: a\r\ndata: b\r\n\r\n", messages(&["a\nb"])),
            ("data: a\rdata: b\r\r", messages(&["a\nb"])),
            ("data: a\r\n\ndata: b\n\r", messages(&["a", "b"])),
            ("\u{feff}data: a\n\n", messages(&["a"])),
            ("\u{feff}\u{feff}data: a\n\n", messages(&[])),
            (": comment\n\n:\n\ndata: a\n: in between\ndata: b\n\n", messages(&["a\nb"])),
            ("data\n\ndata:\n\ndata\ndata\n\n", messages(&["", "", "\n"])),
            ("data:  two spaces \n\n", messages(&[" two spaces "])),
            ("data: a:b\nretry: 7\nid: 1\nnonsense\ndatum: x\n DATA: y\n\n", messages(&["a:b"])),
            ("event: say\ndata: a\n\ndata: b\n\n", vec![("say".into(), "a".into()), ("message".into(), "b".into())]),
            ("event: lost\n\ndata: a\n\n", messages(&["a"])),
            ("event: x\nevent:\ndata: a\n\n", messages(&["a"])),
            ("data: a\n\ndata: never ended\n", messages(&["a"])),
            ("data: never ended", messages(&[])),
            ("", messages(&[])),
        ] {
            assert_eq!(read([text.as_bytes()]).unwrap(), expected, "{text:?}");
            let bytewise = text.as_bytes().chunks(1);
            assert_eq!(read(bytewise).unwrap(), expected, "{text:?}");
        }
        assert_eq!(read([&b"data: \xff\xfe\n\n"[..]]).unwrap(), messages(&["\u{fffd}\u{fffd}"]));
        assert_eq!(read([&b"\xef\xbbdata: a\n\ndata: b\n\n"[..]]).unwrap(), messages(&["b"]));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_held() {
        let block = vec![b'x'; 64 << 10];
        let endless = || std::iter::repeat_n(&block[..], 100);
        assert_eq!(read(endless()), Err(TooLarge), "a line without end");
        assert_eq!(read([&b"data: "[..]].into_iter().chain(endless())), Err(TooLarge));
        let line = [b"data: ", &block[..], b"\n"].concat();
        assert_eq!(read(std::iter::repeat_n(&line[..], 100)), Err(TooLarge), "an event without end");
        let empty = b"data\n".repeat(EVENT_LIMIT + 2);
        assert_eq!(read([&empty[..]]), Err(TooLarge), "line breaks count");
        assert_eq!(read([&vec![b':'; EVENT_LIMIT + 1][..], b"\n"]), Err(TooLarge));
        let whole = [&vec![b'y'; EVENT_LIMIT + 1][..], b"\n"].concat();
        assert_eq!(read([&whole[..]]), Err(TooLarge), "in one piece as well");
        let fits = [b"data:", &vec![b'z'; EVENT_LIMIT - 5][..], b"\n\n"].concat();
        assert_eq!(read(fits.chunks(4096)).unwrap()[0].1.len(), EVENT_LIMIT - 5);
        // Any number of comments and small events is fine.
        let many = b":\ndata: a\n\n".repeat(300_000);
        assert_eq!(read(many.chunks(8192)).unwrap().len(), 300_000);
    }

    /// The same by another way: the standard's own steps, over the whole text.
    fn simple(text: &[u8]) -> Events {
        let text = String::from_utf8_lossy(text).into_owned();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        let (mut events, mut name, mut data) = (Vec::new(), "", None::<String>);
        for line in lines {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    let name = if name.is_empty() { "message" } else { name };
                    events.extend(data.take().map(|data| (name.to_owned(), data)));
                }
                "data" => data = Some(data.map_or(value.to_owned(), |data| format!("{data}\n{value}"))),
                "event" => name = value,
                _ => {}
            }
            if line.is_empty() {
                name = "";
            }
        }
        events
    }

    fn chunked<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
        places.sort_unstable();
        places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            parts in prop::collection::vec(prop_oneof![
                "(data|event|id|retry|\u{feff}|datä)?:? ?[a-zü🌊: ]{0,5}",
                "(\n|\r|\r\n|\n\n|\r\n\r\n|\u{feff})",
            ], 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let text = parts.concat();
            let whole = read([text.as_bytes()]).unwrap();
            prop_assert_eq!(&read(chunked(text.as_bytes(), &cuts)).unwrap(), &whole);
            prop_assert_eq!(&read(text.as_bytes().chunks(1)).unwrap(), &whole);
            prop_assert_eq!(simple(text.as_bytes()), whole);
        }

        #[test]
        fn random_bytes_are_read_alike_however_they_come(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'd'), any::<u8>()], 0..400),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            prop_assert_eq!(read(chunked(&bytes, &cuts)).unwrap(), read([&bytes[..]]).unwrap());
        }
    }
}
