//! HTML in which no text can become markup: markup is written in the source, and whatever else goes into it is escaped on its
//! way. There is no other way to make an [`Html`].

/// A piece of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::http) struct Html(String);

impl Html {
    /// As it is sent.
    pub(in crate::http) fn into_text(self) -> String {
        self.0
    }
}

/// A text that can't become markup, in a page or in an attribute.
pub(in crate::http) fn escaped(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    text.write(&mut page);
    page
}

/// What can be put into markup.
pub(in crate::http) trait Piece {
    /// Writes it to the end of a page.
    fn write(&self, page: &mut String);
}

impl Piece for Html {
    fn write(&self, page: &mut String) {
        page.push_str(&self.0);
    }
}

impl Piece for str {
    fn write(&self, page: &mut String) {
        for c in self.chars() {
            match c {
                '&' => page.push_str("&amp;"),
                '<' => page.push_str("&lt;"),
                '>' => page.push_str("&gt;"),
                '"' => page.push_str("&quot;"),
                '\'' => page.push_str("&#39;"),
                _ => page.push(c),
            }
        }
    }
}

impl Piece for String {
    fn write(&self, page: &mut String) {
        self.as_str().write(page);
    }
}

impl<T: Piece + ?Sized> Piece for &T {
    fn write(&self, page: &mut String) {
        (*self).write(page);
    }
}

impl<T: Piece> Piece for Option<T> {
    fn write(&self, page: &mut String) {
        if let Some(piece) = self {
            piece.write(page);
        }
    }
}

impl<T: Piece> Piece for Vec<T> {
    fn write(&self, page: &mut String) {
        self.iter().for_each(|piece| piece.write(page));
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => { $(impl Piece for $kind {
        fn write(&self, page: &mut String) {
            page.push_str(&self.to_string());
        }
    })* };
}
numbers!(u16 u32 u64 usize);

/// Markup with a piece in place of each `{}`. Attributes are to stand in double quotation marks.
pub(in crate::http) fn html(markup: &'static str, pieces: &[&dyn Piece]) -> Html {
    debug_assert_eq!(markup.matches("{}").count(), pieces.len(), "{markup}");
    let mut page = String::with_capacity(markup.len() * 2);
    let mut pieces = pieces.iter();
    for (at, part) in markup.split("{}").enumerate() {
        if at > 0
            && let Some(piece) = pieces.next()
        {
            piece.write(&mut page);
        }
        page.push_str(part);
    }
    Html(page)
}

/// What a person wrote, to be read by another: set apart from the direction of what is around it, and with nothing hidden in
/// it. Joiners stay, for scripts and emoji need them.
pub(in crate::http) fn written(text: &str) -> Html {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if hidden {
            shown.push_str(&format!("[U+{:04X}]", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    html("<bdi>{}</bdi>", &[&shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let text = "<script>alert('\"&')</script>";
        let made = html("<p title=\"{}\">{}</p>", &[&text, &String::from(text)]).into_text();
        let escaped = "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;";
        assert_eq!(made, format!("<p title=\"{escaped}\">{escaped}</p>"));
        // What stands for a piece is not looked for in pieces.
        assert_eq!(html("{}{}", &[&"{}", &7_u32]).into_text(), "{}7");
        let nested = html("<ul>{}</ul>", &[&vec![html("<li>{}", &[&"<"]), html("<li>b", &[])]]);
        assert_eq!(nested.into_text(), "<ul><li>&lt;<li>b</ul>");
        assert_eq!(html("{}", &[&None::<Html>]).into_text(), "");
    }

    #[test]
    fn what_hides_or_turns_text_is_shown() {
        let shown = |text: &str| written(text).into_text();
        assert_eq!(shown("a\u{202e}b\0\u{e0041}"), "<bdi>a[U+202E]b[U+0000][U+E0041]</bdi>");
        assert_eq!(shown("<b>\n"), "<bdi>&lt;b&gt;[U+000A]</bdi>");
        for kept in ["שלום", "👩\u{200d}💻", "می\u{200c}خواهم", "naïve"] {
            assert_eq!(shown(kept), format!("<bdi>{kept}</bdi>"));
        }
    }
}
