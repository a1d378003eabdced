//! Pages, pictures in words, scripts and data that pose as something else: by their type, by their first bytes, by their name.

use super::{Harm, Maker, join};

const PAGE: Harm = Harm::Page("text/html");
const SVG: Harm = Harm::Page("image/svg+xml");

pub(super) fn add(maker: &mut Maker<'_>) {
    svgs(maker);
    pages(maker);
    xml(maker);
    scripts(maker);
    names(maker);
}

fn svgs(maker: &mut Maker<'_>) {
    const TYPE: &str = "image/svg+xml";
    let around = |attributes: &str, inside: &str| {
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"{attributes}>{inside}</svg>")
            .into_bytes()
    };
    maker.add("svg-script", "svg", TYPE, SVG, |w| w.svg.clone().into());
    maker.add("svg-onload", "svg", TYPE, SVG, |w| around(&format!(" onload=\"{}\"", w.script), ""));
    maker.add("svg-foreign", "svg", TYPE, SVG, |w| {
        let inside = format!("<script>{}</script>", w.script);
        let body = format!("<body xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</body>");
        around("", &format!("<foreignObject width=\"9\" height=\"9\">{body}</foreignObject>"))
    });
    maker.add("svg-image-error", "svg", TYPE, SVG, |w| {
        around("", &format!("<image href=\"data:,\" onerror=\"{}\"/>", w.script))
    });
    maker.add("svg-entity", "svg", TYPE, SVG, |w| {
        let entity = format!("<!DOCTYPE svg [<!ENTITY run \"{}\">]>", w.script);
        join(&[entity.as_bytes(), &around("", "<script>&run;</script>")])
    });
    maker.add("svg-animate", "svg", TYPE, SVG, |w| {
        around("", &format!("<rect><animate attributeName=\"x\" dur=\"1s\" onbegin=\"{}\"/></rect>", w.script))
    });
    maker.add("svg-as-png", "png", "image/png", SVG, |w| w.svg.clone().into());
    maker.add("svg-after-words", "svg", TYPE, SVG, |w| {
        join(&[b"<?xml version=\"1.0\"?>\n<!-- a picture -->\n", w.svg.as_bytes()])
    });
}

fn pages(maker: &mut Maker<'_>) {
    for (name, ending, media_type) in [
        ("page", "html", "text/html"),
        ("page-as-png", "png", "image/png"),
        ("page-as-jpeg", "jpg", "image/jpeg"),
        ("page-as-webp", "webp", "image/webp"),
        ("page-as-gif", "gif", "image/gif"),
        ("page-as-mp3", "mp3", "audio/mpeg"),
        ("page-as-mp4", "mp4", "video/mp4"),
        ("page-as-zip", "zip", "application/zip"),
        ("page-as-text", "txt", "text/plain"),
        ("page-as-anything", "bin", "application/octet-stream"),
        ("page-as-nothing", "", ""),
    ] {
        maker.add(name, ending, media_type, PAGE, |w| w.html.clone().into());
    }
    maker.add("page-with-mark", "png", "image/png", PAGE, |w| join(&[b"\xef\xbb\xbf", w.html.as_bytes()]));
    maker.add("page-utf16-little", "png", "image/png", PAGE, |w| {
        join(&[b"\xff\xfe", &w.html.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()])
    });
    maker.add("page-utf16-big", "png", "image/png", PAGE, |w| {
        join(&[b"\xfe\xff", &w.html.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()])
    });
    maker.add("page-utf7", "txt", "text/plain", Harm::None, |w| {
        format!("+ADw-html+AD4APA-script+AD4-{}+ADw-/script+AD4-", w.script).into()
    });
    maker.add("page-after-space", "png", "image/png", PAGE, |w| {
        join(&[" \t\r\n".repeat(200).as_bytes(), w.html.as_bytes()])
    });
    maker.add("page-after-nulls", "png", "image/png", PAGE, |w| join(&[&[0; 600], w.html.as_bytes()]));
    maker.add("page-after-a-comment", "png", "image/png", PAGE, |w| {
        join(&[format!("<!--{}-->", "x".repeat(2000)).as_bytes(), w.html.as_bytes()])
    });
    maker.add("mhtml", "mht", "multipart/related", Harm::None, |w| {
        let head = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n";
        format!("{head}Content-Type: text/html\r\n\r\n{}\r\n--b--", w.html).into()
    });
    maker.add("mail", "eml", "message/rfc822", PAGE, |w| {
        format!("From: a@example.org\r\nContent-Type: text/html\r\n\r\n{}", w.html).into()
    });
}

fn xml(maker: &mut Maker<'_>) {
    const XML: Harm = Harm::Page("text/xml");
    const XHTML: &str = "http://www.w3.org/1999/xhtml";
    maker.add("xhtml", "xhtml", "application/xhtml+xml", Harm::Page("application/xhtml+xml"), |w| {
        format!(
            "<html xmlns=\"{XHTML}\"><head><title>page</title></head><body><script>{}</script></body></html>",
            w.script
        )
        .into()
    });
    maker.add("xml-script", "xml", "text/xml", XML, |w| {
        format!("<x><script xmlns=\"{XHTML}\">{}</script></x>", w.script).into()
    });
    maker.add("xml-as-audio", "xml", "audio/mpeg", XML, |w| {
        format!("<?xml version=\"1.0\"?><rss><script xmlns=\"{XHTML}\">{}</script></rss>", w.script).into()
    });
    // Browsers take transformations by XSLT away.
    maker.add("xml-transformed", "xml", "text/xml", Harm::None, |w| {
        format!(
            "<?xml version=\"1.0\"?><?xml-stylesheet type=\"text/xsl\" href=\"#t\"?><x>\
             <xsl:stylesheet id=\"t\" version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\">\
             <xsl:template match=\"/\"><html><script>{}</script></html></xsl:template></xsl:stylesheet></x>",
            w.script
        )
        .into()
    });
}

fn scripts(maker: &mut Maker<'_>) {
    const SCRIPT: Harm = Harm::Script("utf-8");
    maker.add("script", "js", "text/javascript", SCRIPT, |w| w.script.clone().into());
    maker.add("script-as-png", "png", "image/png", SCRIPT, |w| w.script.clone().into());
    maker.add("script-as-lines", "jsonl", "application/x-ndjson", SCRIPT, |w| format!("{{}}\n{}\n", w.script).into());
    maker.add("lines-with-page", "jsonl", "application/x-ndjson", PAGE, |w| {
        // It is a page in a string of JSON.
        format!("{{\"text\":\"{}\"}}\n", w.html.replace('"', "'").replace("onerror='", "data-x='")).into()
    });
    maker.add("json-with-page", "json", "application/json", PAGE, |w| {
        format!("{{\"a\":\"<script>{}</script>\"}}", w.script).into()
    });
    maker.add("style", "css", "text/css", PAGE, |w| {
        format!("/*{}*/body{{background:url(javascript:{})}}", w.html, w.script).into()
    });
    maker.add("subtitles", "vtt", "text/vtt", PAGE, |w| {
        format!("WEBVTT\n\n00:00.000 --> 00:09.000\n{}\n", w.html).into()
    });
    maker.add("table", "csv", "text/csv", PAGE, |w| format!("=1+1,{}\n", w.html).into());
}

/// The same page under names that have fooled somebody.
fn names(maker: &mut Maker<'_>) {
    for (name, file_name) in [
        ("name-two-endings", "picture.html.png"),
        ("name-other-ending", "picture.png.html"),
        ("name-null", "picture.html\0.png"),
        ("name-semicolon", "picture.html;.png"),
        ("name-up", "../../../index.html"),
        ("name-up-encoded", "..%2f..%2findex.html"),
        ("name-backslash", "..\\..\\index.html"),
        ("name-markup", "\"><script src=x:></script>.png"),
        ("name-lines", "a.png\r\nContent-Type: text/html\r\n\r\n<b>"),
        ("name-right-to-left", "picture\u{202e}gnp.html"),
    ] {
        maker.add(name, "png", "image/png", PAGE, |w| join(&[b"\x89PNG\r\n\x1a\n\0\0\0\0IHDR", w.html.as_bytes()]));
        if let Some(made) = maker.made.last_mut() {
            made.file_name = file_name.to_owned();
        }
    }
}
