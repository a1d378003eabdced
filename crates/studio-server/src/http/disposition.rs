//! `Content-Disposition`: what a browser may do with bytes, and what a kept file is called (RFC 6266, RFC 8187).

use super::multipart::parameter;
use studio_core::media::MediaType;

/// What browsers that don't read `filename*` are told, at most so long.
const PLAIN_CHARS: usize = 100;

/// The header for bytes of a type. `name` is cleaned already ([`studio_core::library::file_name`]); without one, `other` names
/// the file. It always ends in what the bytes are.
pub(super) fn disposition(media_type: MediaType, name: Option<&str>, other: &str) -> String {
    let what = if media_type.is_shown_inline() { "inline" } else { "attachment" };
    let name = name.unwrap_or(other);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let fits = ending.is_some_and(|ending| media_type.extensions().contains(&&*ending));
    let name = if fits { name.to_owned() } else { format!("{name}.{}", media_type.extension()) };
    let plain = |c: char| if c.is_ascii_alphanumeric() || " -_.()".contains(c) { c } else { '_' };
    let chars: Vec<char> = name.chars().map(plain).collect();
    // Its end says what it is.
    let short: String = chars[chars.len().saturating_sub(PLAIN_CHARS)..].iter().collect();
    if short == name {
        return format!("{what}; filename=\"{short}\"");
    }
    let encoded: String = name
        .bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-_.".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    format!("{what}; filename=\"{short}\"; filename*=UTF-8''{encoded}")
}

/// The name of a file that is sent by itself: `attachment; filename="cat.png"`, or the same encoded.
pub(super) fn sent_name(header: &str) -> Option<String> {
    let (_, parameters) = header.split_once(';')?;
    let encoded = parameter(parameters, "filename*").and_then(|text| {
        let (charset, rest) = text.split_once('\'')?;
        let (_language, encoded) = rest.split_once('\'')?;
        charset.eq_ignore_ascii_case("utf-8").then(|| super::address::decode(encoded, false))?
    });
    encoded.or_else(|| parameter(parameters, "filename"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_become_a_header() {
        for (name, header) in [
            (Some("cat.png"), "inline; filename=\"cat.png\""),
            (Some("cat"), "inline; filename=\"cat.png\""),
            (Some("cat.html"), "inline; filename=\"cat.html.png\""),
            (None, "inline; filename=\"id.png\""),
            (
                Some("a\"; filename=evil.exe\r\nX: y.png"),
                "inline; filename=\"a__ filename_evil.exe__X_ y.png\"; filename*=UTF-8''a%22%3B%20filename%3Devil.exe%0D%0AX%3A%20y.png",
            ),
            (Some("ö.png"), "inline; filename=\"_.png\"; filename*=UTF-8''%C3%B6.png"),
        ] {
            assert_eq!(disposition(MediaType::Png, name, "id"), header, "{name:?}");
        }
        assert_eq!(disposition(MediaType::Zip, Some("a.zip"), "id"), "attachment; filename=\"a.zip\"");
        let long = disposition(MediaType::Jpeg, Some(&format!("{}.jpeg", "a".repeat(200))), "id");
        assert!(long.contains("aaa.jpeg\"; filename*="), "{long}");
    }

    #[test]
    fn a_sent_name_is_read_in_both_forms() {
        for (header, name) in [
            ("attachment; filename=\"a b.png\"", Some("a b.png")),
            ("attachment; filename=plain.png", Some("plain.png")),
            ("attachment; filename=\"x.png\"; filename*=UTF-8''%C3%B6.png", Some("ö.png")),
            ("attachment; filename*=utf-8'de'%c3%b6.png", Some("ö.png")),
            ("attachment; filename=\"x.png\"; filename*=latin1''%F6.png", Some("x.png")),
            ("attachment; filename*=UTF-8''%ff", None),
            ("attachment", None),
        ] {
            assert_eq!(sent_name(header).as_deref(), name, "{header}");
        }
    }
}
