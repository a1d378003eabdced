//! Tables for spreadsheets: comma-separated values (RFC 4180).
//!
//! A spreadsheet takes a cell that begins like a formula for one, and some formulas send data away. So no text begins so: it
//! gets an apostrophe in front (OWASP ASVS 1.2.10). Numbers of ours, which may begin with a minus, stay numbers.

/// One cell.
pub(super) enum Cell<'a> {
    /// Written as it is: a number, a time or a word of ours.
    Ours(String),
    /// Anyone's text.
    Text(&'a str),
}

/// One line.
pub(super) fn line(cells: &[Cell<'_>]) -> String {
    let cells: Vec<_> = cells.iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

/// How formulas begin, in all widths.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

fn cell(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Ours(text) => text.clone(),
        Cell::Text(text) => {
            // What nobody sees in front of it does not make it less of one; nor does to be written wide.
            let seen = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
            let formula = seen.starts_with(FORMULA) || text.starts_with(['\t', '\r', '\n', '\0']);
            let text = if formula { format!("'{text}") } else { (*text).to_owned() };
            if text.contains([',', '"', '\r', '\n', '\'', ' ']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula_and_none_leaves_its_cell() {
        for (text, written) in [
            ("gpt-image-2", "gpt-image-2"),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("  =1", "\"'  =1\""),
            ("\u{feff}=1", "\"'\u{feff}=1\""),
            ("＝1", "\"'＝1\""),
            ("\0=1", "\"'\0=1\""),
            ("\r=1", "\"'\r=1\""),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("a\r\n=b", "\"a\r\n=b\""),
            ("", ""),
        ] {
            assert_eq!(line(&[Cell::Text(text)]), format!("{written}\r\n"), "{text:?}");
        }
        assert_eq!(line(&[Cell::Ours("-0.04".into()), Cell::Text("x")]), "-0.04,x\r\n");
    }
}
