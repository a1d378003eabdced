//! Reads bodies that are files, as they come: with a limit on pauses and on the whole, and, where a form is sent
//! (`multipart/form-data`, RFC 7578), part by part. Nothing is held but what was read last: a file may have a gibibyte, and a
//! part's head that does not end is no reason to wait for it.

use super::{
    body::{Lent, broken},
    codes,
    refusal::Refusal,
};
use crate::settings::FORM_FIELD_LIMIT;
use bytes::{Buf, Bytes, BytesMut};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A body as it comes, within its limits of time.
pub(super) struct Reader<'a> {
    body: &'a mut Lent,
    deadline: Instant,
    idle: Duration,
}

impl<'a> Reader<'a> {
    /// One that may pause for `idle` and take `whole` altogether.
    pub(super) fn new(body: &'a mut Lent, whole: Duration, idle: Duration) -> Self {
        Self { body, deadline: Instant::now() + whole, idle }
    }

    /// What came next; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let until = self.deadline.min(Instant::now() + self.idle);
            match timeout_at(until, self.body.frame()).await {
                Err(_) => return Err(too_slow(self.idle)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(broken()),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                    _ => {}
                },
            }
        }
    }
}

fn too_slow(idle: Duration) -> Refusal {
    let message =
        format!("The file came too slowly: it may pause for {} s, and must be there in time.", idle.as_secs());
    Refusal::new(codes::BODY_TOO_SLOW, message)
}

/// The boundary of a form's parts, from its `Content-Type`. Nothing: the body is no form.
pub(super) fn boundary(content_type: &str) -> Option<Result<String, Refusal>> {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary");
    // RFC 2046: at most 70 characters, none of which needs a second look.
    let fair = |boundary: &String| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(known)
    };
    let wanted = "must be multipart/form-data with a boundary of 1 to 70 characters";
    Some(boundary.filter(fair).ok_or_else(|| Refusal::invalid_field("Content-Type", wanted)))
}

/// A parameter of a header's value, without its quotes.
pub(super) fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// What stands between quotes, and what comes behind them. Only a quote or a backslash is escaped: browsers write the
/// backslashes of a path as they are.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if matches!(chars.peek(), Some((_, '"' | '\\'))) => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    None
}

/// A part's head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name.
    pub(super) name: String,
    /// The file's name, as it was sent.
    pub(super) file_name: Option<String>,
    /// Its type, as it was sent.
    pub(super) content_type: Option<String>,
}

/// A form, part by part.
pub(super) struct Form<'a> {
    reader: Reader<'a>,
    /// What came and was not given on.
    buffer: BytesMut,
    /// What ends a part: a line break and the boundary.
    delimiter: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first boundary comes.
    Beginning,
    /// In the body of a part.
    Within,
    /// A boundary was passed.
    Between,
    /// The last one was.
    Over,
}

impl<'a> Form<'a> {
    /// A form whose parts have this boundary between them.
    pub(super) fn new(reader: Reader<'a>, boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // So that the first boundary, which needs no line before it, is like the others.
        Self { reader, buffer: BytesMut::from(&b"\r\n"[..]), delimiter, state: State::Beginning }
    }

    /// Reads more. False: there is no more.
    async fn more(&mut self) -> Result<bool, Refusal> {
        match self.reader.next().await? {
            Some(bytes) => self.buffer.extend_from_slice(&bytes),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The next part; what is left of the one before is passed over.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Refusal> {
        while self.state == State::Within {
            self.chunk().await?;
        }
        if self.state == State::Beginning {
            // What stands before the first boundary is for nobody; there is no reason to send much of it.
            while find(&self.buffer, &self.delimiter).is_none() {
                self.bounded(FORM_FIELD_LIMIT)?;
                self.must_go_on().await?;
            }
            let at = find(&self.buffer, &self.delimiter).unwrap_or(0);
            self.buffer.advance(at + self.delimiter.len());
            self.state = State::Between;
        }
        if self.state == State::Over {
            return Ok(None);
        }
        while self.buffer.len() < 2 {
            self.must_go_on().await?;
        }
        if self.buffer.starts_with(b"--") {
            self.state = State::Over;
            return self.rest().await.map(|()| None);
        }
        // White space may follow a boundary, and nothing else.
        let end = loop {
            match find(&self.buffer, b"\r\n") {
                Some(end) => break end,
                None => {
                    self.bounded(FORM_FIELD_LIMIT)?;
                    self.must_go_on().await?;
                }
            }
        };
        if !self.buffer[..end].iter().all(|b| matches!(b, b' ' | b'\t')) {
            return Err(malformed());
        }
        self.buffer.advance(end);
        let end = loop {
            match find(&self.buffer, b"\r\n\r\n") {
                Some(end) => break end,
                None => {
                    self.bounded(FORM_FIELD_LIMIT)?;
                    self.must_go_on().await?;
                }
            }
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        self.state = State::Within;
        read_head(&head).map(Some)
    }

    /// What is behind the last boundary is for nobody, and is not much.
    async fn rest(&mut self) -> Result<(), Refusal> {
        let mut passed = 0;
        loop {
            passed += self.buffer.len();
            self.buffer.clear();
            if passed > FORM_FIELD_LIMIT {
                return Err(malformed());
            }
            if !self.more().await? {
                return Ok(());
            }
        }
    }

    fn bounded(&self, limit: usize) -> Result<(), Refusal> {
        if self.buffer.len() > limit { Err(malformed()) } else { Ok(()) }
    }

    async fn must_go_on(&mut self) -> Result<(), Refusal> {
        if self.more().await? { Ok(()) } else { Err(broken()) }
    }

    /// What comes next of the part's body; nothing at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        if self.state != State::Within {
            return Ok(None);
        }
        loop {
            if let Some(at) = find(&self.buffer, &self.delimiter) {
                let last = self.buffer.split_to(at).freeze();
                self.buffer.advance(self.delimiter.len());
                self.state = State::Between;
                return Ok(Some(last).filter(|last| !last.is_empty()));
            }
            // The end may be the beginning of a delimiter.
            let sure = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
            if sure > 0 {
                return Ok(Some(self.buffer.split_to(sure).freeze()));
            }
            self.must_go_on().await?;
        }
    }

    /// A field that is no file, as text.
    pub(super) async fn text(&mut self, field: &str) -> Result<String, Refusal> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > FORM_FIELD_LIMIT {
                return Err(Refusal::invalid_field(field, format!("must have at most {FORM_FIELD_LIMIT} bytes")));
            }
        }
        String::from_utf8(bytes).map_err(|_| Refusal::invalid_field(field, "must be UTF-8"))
    }
}

fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(within, wanted)
}

fn malformed() -> Refusal {
    Refusal::new(codes::MALFORMED_FORM, "The body is not valid multipart/form-data.")
}

/// Reads the lines of a part's head.
fn read_head(head: &[u8]) -> Result<Part, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut part = Part::default();
    let mut named = false;
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        if name.eq_ignore_ascii_case("content-disposition") {
            let (kind, parameters) = value.split_once(';').ok_or_else(malformed)?;
            if !kind.trim().eq_ignore_ascii_case("form-data") {
                return Err(malformed());
            }
            part.name = parameter(parameters, "name").ok_or_else(malformed)?;
            part.file_name = parameter(parameters, "filename");
            named = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            part.content_type = Some(value.trim().to_owned());
        }
    }
    if named { Ok(part) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::{super::body::lend, *};
    use axum::body::Body;
    use futures_util::stream;

    const FORM: &str = "before\r\n--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage\r\n--b  \r\n\
        content-type: image/png\r\nContent-Disposition: form-data; name=file; filename=\"a \\\"b\\\" c;d.png\"\r\n\r\n\
        \r\n--wide\r\n-\r\n--b\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b--\r\nafter";

    /// What is read of a form that comes in pieces of that many bytes.
    async fn read(form: &[u8], piece: usize) -> Result<Vec<(Part, Vec<u8>)>, Refusal> {
        let pieces: Vec<_> =
            form.chunks(piece).map(|piece| Ok::<_, axum::Error>(Bytes::copy_from_slice(piece))).collect();
        let (mut body, _back) = lend(Body::from_stream(stream::iter(pieces)));
        let minute = Duration::from_secs(60);
        let mut form = Form::new(Reader::new(&mut body, minute, minute), "b");
        let mut parts = Vec::new();
        while let Some(part) = form.next().await? {
            let mut bytes = Vec::new();
            while let Some(chunk) = form.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            parts.push((part, bytes));
        }
        Ok(parts)
    }

    #[tokio::test]
    async fn a_form_is_the_same_however_its_bytes_come() {
        let file_name = Some("a \"b\" c;d.png".to_owned());
        let file = Part { name: "file".into(), file_name, content_type: Some("image/png".into()) };
        let field = |name: &str| Part { name: name.into(), ..Part::default() };
        let wanted =
            [(field("kind"), b"image".to_vec()), (file, b"\r\n--wide\r\n-".to_vec()), (field("empty"), Vec::new())];
        for piece in 1..=FORM.len() {
            assert_eq!(read(FORM.as_bytes(), piece).await.unwrap(), wanted, "in pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn a_form_that_does_not_end_is_broken_wherever_it_stops() {
        let end = FORM.find("--b--").unwrap() + 5;
        for length in 0..end {
            let refused = read(&FORM.as_bytes()[..length], 7).await.unwrap_err();
            assert!([codes::BODY_CUT_OFF, codes::MALFORMED_FORM].contains(&refused.code), "{length}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn nothing_without_end_is_waited_for() {
        let long = "x".repeat(FORM_FIELD_LIMIT * 2);
        for endless in [
            long.clone(),
            format!("--b{}", " ".repeat(FORM_FIELD_LIMIT * 2)),
            format!("--b\r\nA: {long}"),
            format!("--b--{long}"),
            "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--".into(),
            "--b\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n--b--".into(),
            "--b\r\nContent-Type: x\r\n\r\nx\r\n--b--".into(),
            "--bx\r\nContent-Disposition: form-data; name=x\r\n\r\nx\r\n--b--".into(),
        ] {
            let refused = read(endless.as_bytes(), 4096).await.unwrap_err();
            assert_eq!(refused.code, codes::MALFORMED_FORM, "{}", &endless[..20.min(endless.len())]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_is_not_waited_for() {
        let (mut body, _back) = lend(Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()));
        let mut reader = Reader::new(&mut body, Duration::from_secs(600), Duration::from_secs(30));
        let begun = Instant::now();
        assert_eq!(reader.next().await.unwrap_err().code, codes::BODY_TOO_SLOW);
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[test]
    fn a_boundary_is_read_from_its_header() {
        let read = |text: &str| boundary(text).map(|read| read.ok());
        assert_eq!(read("multipart/form-data; boundary=abc"), Some(Some("abc".into())));
        assert_eq!(read("Multipart/Form-Data;charset=utf-8; Boundary=\"a b\""), Some(Some("a b".into())));
        assert_eq!(read("image/png"), None);
        for bad in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a\nb\""] {
            assert_eq!(read(bad), Some(None), "{bad}");
        }
    }
}
