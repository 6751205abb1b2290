//! Bytes of a table in, rows of cells out: whatever the separator, the character set and the ends
//! of lines.
//!
//! Table programs write commas, semicolons or tabs, and UTF-8, UTF-16 or windows-1251, as the
//! country and the button have it. A row is known by the line that it begins on.

use csv::ByteRecord;

use crate::audience::import::line::Reason;
use crate::audience::import::line::Why;
use crate::source::decode::decode;

/// Characters of a cell that are kept; nothing that we read is longer.
const MOST_CELL: usize = 10_000;

/// A table.
#[derive(Debug)]
pub struct Sheet {
    /// What the first line names its columns.
    pub head: Vec<String>,
    text: String,
    separator: u8,
    /// Where the first row begins, in bytes and lines.
    start: (usize, u64),
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The bytes that were read up to its end.
    pub at: u64,
    /// Trimmed.
    pub cells: Vec<String>,
    /// What is wrong with it as a row.
    pub wrong: Option<Why>,
}

impl Sheet {
    /// Reads the first line of a table.
    pub fn read(bytes: &[u8]) -> Self {
        let mut text = decode(bytes, None).text;
        if text.contains('\r') {
            text = text.replace("\r\n", "\n").replace('\r', "\n");
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let first = text.lines().next().unwrap_or_default();
        let told = told_separator(first);
        let skipped = told.map_or(0, |_| first.len() + 1);
        let below = text.get(skipped..).unwrap_or_default();
        let separator =
            told.unwrap_or_else(|| likely_separator(below.lines().next().unwrap_or_default()));
        let mut sheet = Self {
            head: Vec::new(),
            start: (skipped, u64::from(told.is_some())),
            text,
            separator,
        };
        let mut rows = sheet.rows();
        let head = rows.next().map(|row| row.cells).unwrap_or_default();
        let read = sheet.start.0 + usize::try_from(rows.reader.position().byte()).unwrap_or(0);
        let lines = sheet.start.1 + rows.reader.position().line() - 1;
        sheet.head = head;
        sheet.start = (read, lines);
        sheet
    }

    /// The rows below the first line, without those that have nothing in any cell.
    pub fn rows(&self) -> Rows<'_> {
        let rest = self.text.get(self.start.0..).unwrap_or_default();
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.separator)
            .from_reader(rest.as_bytes());
        Rows {
            reader,
            record: ByteRecord::new(),
            before: self.start,
            width: self.head.len(),
        }
    }
}

/// See [`Sheet::rows`].
pub struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    record: ByteRecord,
    before: (usize, u64),
    width: usize,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            // A slice can be read, and what is flexible has no wrong length.
            if !self.reader.read_byte_record(&mut self.record).ok()? {
                return None;
            }
            let row = self.row();
            if row.cells.iter().any(|cell| !cell.is_empty()) {
                return Some(row);
            }
        }
    }
}

impl Rows<'_> {
    fn row(&self) -> Row {
        let breaks = self.record.as_slice().iter().filter(|byte| **byte == b'\n');
        let within = u64::try_from(breaks.count()).unwrap_or_default();
        let end = self.reader.position();
        let line = self.before.1 + end.line() - 1 - within;
        let cells = self.record.iter().map(String::from_utf8_lossy);
        let cells = cells.map(|cell| cell.trim().chars().take(MOST_CELL).collect());
        let mut row = Row::of(line, cells.collect(), self.width);
        row.at = end.byte() + u64::try_from(self.before.0).unwrap_or_default();
        row
    }
}

impl Row {
    /// A row of a table that is so many columns wide.
    pub(super) fn of(line: u64, mut cells: Vec<String>, width: usize) -> Self {
        // Table programs fill rows up with nothing.
        while cells.len() > width && width > 0 && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        let wrong = if cells.len() != width && width > 0 {
            let got = format!("{} / {width}", cells.len());
            Some(Why::of(Reason::Width, &got))
        } else {
            let unread = cells.iter().find(|cell| cell.contains('\u{fffd}'));
            unread.map(|cell| Why::of(Reason::Unreadable, cell))
        };
        Self {
            line,
            at: 0,
            cells,
            wrong,
        }
    }
}

/// `sep=;`, as Excel writes it above a table.
fn told_separator(line: &str) -> Option<u8> {
    match line.trim().as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] => Some(*separator),
        _ => None,
    }
}

/// What stands most often between the names of columns.
fn likely_separator(line: &str) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        for (separator, count) in &mut counts {
            *count += usize::from(byte == *separator && !quoted);
        }
    }
    let [comma, others @ ..] = counts;
    let likelier =
        |best: (u8, usize), other: (u8, usize)| if other.1 > best.1 { other } else { best };
    others.into_iter().fold(comma, likelier).0
}

/// What a formula begins with; table programs take the wide signs of East Asian writing for the same.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell that no table program takes for a formula.
pub fn guarded(text: &str) -> String {
    if text.starts_with(FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A cell without that mark.
pub(super) fn unguarded(cell: &str) -> &str {
    let bare = cell.strip_prefix('\'');
    bare.filter(|bare| bare.starts_with(FORMULA))
        .unwrap_or(cell)
}

/// A table of rows that weren't taken: the line, why, and the row as it came. It begins with the
/// mark by which Excel knows UTF-8, and can be corrected and read again.
pub fn rejected_head(head: &[String]) -> Vec<u8> {
    let names = ["line".to_owned(), "problem".to_owned()];
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    bytes.extend(written(names.iter().chain(head)));
    bytes
}

/// A row of that table.
pub fn rejected_row(line: u64, why: &str, cells: &[String]) -> Vec<u8> {
    let told = [line.to_string(), why.to_owned()];
    written(told.iter().chain(cells))
}

fn written<'a>(cells: impl Iterator<Item = &'a String>) -> Vec<u8> {
    let mut file = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    // A vector takes everything.
    file.write_record(cells.map(|cell| guarded(cell))).ok();
    file.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_1251;

    use super::*;

    fn rows(bytes: &[u8]) -> (Vec<String>, Vec<(u64, Vec<String>)>) {
        let sheet = Sheet::read(bytes);
        let rows = sheet.rows().map(|row| (row.line, row.cells)).collect();
        (sheet.head, rows)
    }

    #[test]
    fn a_table_reads_the_same_however_it_was_written() {
        let plain = "email,name\nolena@example.org,\"Олена, з Полтави\"\nihor@example.org,Ігор\n";
        let expected = rows(plain.as_bytes());
        assert_eq!(expected.0, ["email", "name"]);
        assert_eq!(
            expected.1[1],
            (3, vec!["ihor@example.org".into(), "Ігор".into()])
        );
        let semicolons = plain.replace("email,", "email;").replace("org,", "org;");
        let tabs = semicolons.replace(';', "\t");
        for text in [plain, &semicolons, &tabs] {
            let crlf = text.replace('\n', "\r\n");
            let mac = text.replace('\n', "\r");
            for text in [text, &crlf, &mac, text.trim_end()] {
                assert_eq!(rows(text.as_bytes()), expected, "{text:?}");
                assert_eq!(rows(format!("\u{feff}{text}").as_bytes()), expected);
                let (bytes, _, _) = WINDOWS_1251.encode(text);
                assert_eq!(rows(&bytes), expected);
                for mark in ["\u{feff}", ""] {
                    let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
                    let little: Vec<u8> =
                        units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
                    assert_eq!(rows(&little), expected);
                    assert_eq!(rows(&big), expected);
                }
            }
        }
    }

    #[test]
    fn a_row_is_known_by_the_line_it_begins_on() {
        let text =
            "sep=;\r\nemail;note\r\na@example.org;\"one\r\ntwo\"\r\n\r\n;;\r\nb@example.org;x\r\n";
        let (head, rows) = rows(text.as_bytes());
        assert_eq!(head, ["email", "note"]);
        let lines: Vec<u64> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 7]);
        assert_eq!(rows[0].1[1], "one\ntwo");
    }

    #[test]
    fn a_row_that_is_none_says_so() {
        let text = b"email,name\na@example.org\nb@example.org,x,\nc@example.org,x,y\nd@example.org,\xff\xff\n\
            e@example.org,\xd0\x9e\xd0\xbb\xd0\xb5\xd0\xbd\xd0\xb0 \xd0\x9e\xd0\xbb\xd0\xb5\xd0\xbd\xd0\xb0 \xd0\x9e\xd0\xbb\xd0\xb5\xd0\xbd\xd0\xb0 \xd0\x9e\xd0\xbb\xd0\xb5\xd0\xbd\xd0\xb0\n";
        let sheet = Sheet::read(text);
        let wrong: Vec<_> = sheet
            .rows()
            .map(|row| row.wrong.map(|why| why.reason))
            .collect();
        let width = Some(Reason::Width);
        assert_eq!(wrong, [width, None, width, Some(Reason::Unreadable), None]);
    }

    #[test]
    fn what_was_rejected_holds_no_formula_and_reads_again() {
        let head = ["email".to_owned(), "name".to_owned()];
        let cells = ["=cmd@example.org".to_owned(), "@x, \"y\"".to_owned()];
        let mut file = rejected_head(&head);
        file.extend(rejected_row(7, "expected an address", &cells));
        let (head, rows) = rows(&file);
        assert_eq!(head, ["line", "problem", "email", "name"]);
        assert_eq!(rows[0].1[0], "7");
        assert_eq!(rows[0].1[2..], ["'=cmd@example.org", "'@x, \"y\""]);
        assert_eq!(unguarded(&rows[0].1[2]), cells[0]);
    }
}
