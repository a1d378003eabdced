//! Splits a document into passages: paragraphs, list items, rows of tables (as sentences), and blocks of code (whole, or,
//! if they are long, in the parts between their empty lines). Each knows its heading. It reads the markdown that the documentation is written in, not all that there is; what it doesn't
//! know it takes for a paragraph.

use super::corpus::Document;

/// What a passage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prose,
    Row,
    Code,
}

/// A piece of a document that can be shown on its own.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    pub(super) document: usize,
    /// Number of its section, counted through all documents.
    pub(super) section: usize,
    /// The nearest heading above it.
    pub(super) heading: String,
    pub(super) kind: Kind,
    /// What it is about: the bold words at its beginning, the first cell of a row, the words before a block of code.
    pub(super) lead: String,
    /// As it is shown. Prose and rows are one line; code has its fences.
    pub(super) text: String,
}

/// A block of code with more lines has parts.
const LONG_CODE_LINES: usize = 10;
/// What is shorter, in bytes, is no part but an example's decoration.
const SHORT_CODE_BYTES: usize = 40;

/// Splits all documents.
pub(super) fn split(documents: &[Document]) -> Vec<Passage> {
    let mut splitter = Splitter::default();
    for (index, document) in documents.iter().enumerate() {
        splitter.document = index;
        splitter.read(document.text);
    }
    splitter.passages
}

#[derive(Default)]
struct Splitter {
    passages: Vec<Passage>,
    document: usize,
    section: usize,
    heading: String,
    /// The lines of the paragraph or list item that is being read, joined.
    open: String,
    /// The header of the table that is being read.
    header: Option<Vec<String>>,
}

impl Splitter {
    fn read(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let line = line.trim();
            if let Some(fence) = line.strip_prefix("```") {
                self.close();
                let code: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
                self.code(fence, &code);
            } else if line.starts_with('#') {
                self.close();
                self.section += 1;
                self.heading = line.trim_start_matches('#').trim().to_owned();
            } else if line.is_empty() || line.starts_with("![") {
                self.close();
            } else if line.starts_with('|') {
                self.row(line);
            } else if let Some(item) = item(line) {
                self.close();
                self.open = item.to_owned();
            } else {
                if !self.open.is_empty() {
                    self.open.push(' ');
                }
                self.open.push_str(line);
            }
        }
        self.close();
    }

    /// Ends what is being read.
    fn close(&mut self) {
        self.header = None;
        let text = std::mem::take(&mut self.open);
        if !text.is_empty() {
            let bold = text.strip_prefix("**").and_then(|rest| rest.split_once("**"));
            let lead = bold.map(|(bold, _)| bold.to_owned()).unwrap_or_default();
            self.add(Kind::Prose, lead, text);
        }
    }

    fn row(&mut self, line: &str) {
        let cells = cells(line);
        if cells.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|b| matches!(b, b'-' | b':'))) {
            return;
        }
        let Some(header) = &self.header else {
            self.close();
            self.header = Some(cells);
            return;
        };
        let Some((first, rest)) = cells.split_first() else { return };
        let mut said = Vec::new();
        for (index, cell) in rest.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let name = header.get(index + 1).filter(|name| !name.is_empty());
            said.push(name.map_or_else(|| cell.clone(), |name| format!("{name}: {cell}")));
        }
        // The first column's name is part of what the row is about, but would only be in the way of who reads it.
        let lead = format!("{} {first}", header.first().map_or("", |name| name));
        let text = if said.is_empty() { format!("{first}.") } else { format!("{first} – {}.", said.join("; ")) };
        self.add(Kind::Row, lead, text);
    }

    fn code(&mut self, language: &str, lines: &[&str]) {
        // Drawings, made of characters or for a program that draws, say nothing to a search, and little in an answer.
        if language == "mermaid" || lines.iter().any(|line| line.contains(['─', '│'])) {
            return;
        }
        let before = self.passages.last().filter(|passage| passage.section == self.section);
        let lead = before.map(|passage| passage.text.clone()).unwrap_or_default();
        let lead = super::sentences::split(&lead).last().map(|last| (*last).to_owned()).unwrap_or_default();
        let code = lines.join("\n");
        let mut parts = vec![&*code];
        if lines.len() > LONG_CODE_LINES {
            parts = code.split("\n\n").filter(|part| part.len() >= SHORT_CODE_BYTES).collect();
        }
        for part in parts {
            self.add(Kind::Code, lead.clone(), format!("```{language}\n{part}\n```"));
        }
    }

    fn add(&mut self, kind: Kind, lead: String, text: String) {
        let (document, section, heading) = (self.document, self.section, self.heading.clone());
        self.passages.push(Passage { document, section, heading, kind, lead, text });
    }
}

/// The text of a list item's first line.
fn item(line: &str) -> Option<&str> {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let numbered = line.split_at(digits).1.strip_prefix(". ").filter(|_| digits > 0);
    line.strip_prefix("- ").or(numbered)
}

/// The cells of a row. A bar inside of code divides nothing.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut in_code) = (Vec::new(), String::new(), false);
    for c in line.trim_matches('|').chars() {
        in_code ^= c == '`';
        if c == '|' && !in_code {
            cells.push(std::mem::take(&mut cell).trim().to_owned());
        } else {
            cell.push(c);
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passages(text: &'static str) -> Vec<(Kind, String, String, String)> {
        let split = split(&[Document { name: "x.md", text, weight: 1.0 }]);
        split.into_iter().map(|p| (p.kind, p.heading, p.lead, p.text)).collect()
    }

    #[test]
    fn a_document_becomes_passages_that_can_stand_alone() {
        let found = passages(
            "# Sea\n\nIt is\nwet.\n\n- **Salt**: much\n  of it\n- 1. fish\n\n## Ships\n\nSail:\n\n```sh\nsail\n\nfast\n```\n\n\
             | kind | masts | flag |\n| --- | --- | --- |\n| `a|b` | 2 | |\n| raft | | |\n",
        );
        let wanted = [
            (Kind::Prose, "Sea", "", "It is wet."),
            (Kind::Prose, "Sea", "Salt", "**Salt**: much of it"),
            (Kind::Prose, "Sea", "", "1. fish"),
            (Kind::Prose, "Ships", "", "Sail:"),
            (Kind::Code, "Ships", "Sail:", "```sh\nsail\n\nfast\n```"),
            (Kind::Row, "Ships", "kind `a|b`", "`a|b` – masts: 2."),
            (Kind::Row, "Ships", "kind raft", "raft."),
        ];
        let wanted = wanted.map(|(kind, a, b, c)| (kind, a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_table_without_names_and_one_after_another() {
        let found = passages("| | |\n| --- | --- |\n| a | b |\n\n| c | d |\n|---|:-:|\n| e | f |\n");
        let texts: Vec<_> = found.iter().map(|(_, _, lead, text)| (lead.trim(), &**text)).collect();
        assert_eq!(texts, [("a", "a – b."), ("c e", "e – d: f.")]);
    }

    #[test]
    fn all_of_the_documentation_has_a_heading_and_drawings_are_left_out() {
        let passages = split(&super::super::corpus::DOCUMENTS);
        assert!(passages.len() > 100);
        assert!(passages.iter().all(|passage| !passage.heading.is_empty() && !passage.text.is_empty()));
        assert!(passages.iter().all(|passage| !passage.text.contains('│') && !passage.text.contains("-->")));
    }
}
