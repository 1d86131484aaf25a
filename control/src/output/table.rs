//! Aligned columns.

use std::io::{self, Write};

use super::colour::Colour;

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Columns under their headings. Rows may be written in several goes; a later go
/// never makes a column narrower, so that a long list stays in line.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(String, Align, usize)>,
    rows: Vec<(Vec<String>, Option<Colour>)>,
    headed: bool,
}

impl Table {
    /// A table with these headings. One that begins with `>` is of numbers, and
    /// aligned to the right.
    pub fn new<const COLUMNS: usize>(headings: [&str; COLUMNS]) -> Self {
        let column = |heading: &str| {
            let (heading, align) = match heading.strip_prefix('>') {
                Some(heading) => (heading, Align::Right),
                None => (heading, Align::Left),
            };
            (heading.to_owned(), align, heading.chars().count())
        };
        Table { columns: headings.map(column).into(), rows: Vec::new(), headed: false }
    }

    /// A table with these headings, each with its alignment.
    pub fn of(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        let column =
            |(heading, align): (&str, _)| (heading.to_owned(), align, heading.chars().count());
        let columns = columns.into_iter().map(column).collect();
        Table { columns, rows: Vec::new(), headed: false }
    }

    /// Adds a row; an empty cell is shown as `-`.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.coloured_row(cells, None);
    }

    /// Adds a row in this colour.
    pub fn coloured_row<const COLUMNS: usize>(
        &mut self,
        cells: [String; COLUMNS],
        colour: Option<Colour>,
    ) {
        self.add(cells.into(), colour);
    }

    /// Adds a row with as many cells as there are columns.
    pub fn add(&mut self, cells: Vec<String>, colour: Option<Colour>) {
        for ((_, _, width), cell) in self.columns.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
        self.rows.push((cells, colour));
    }

    /// Writes the rows added since the last time, under the headings the first time.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.headed {
            let headings: Vec<String> =
                self.columns.iter().map(|(heading, ..)| heading.clone()).collect();
            self.write_row(&headings, None, out)?;
            self.headed = true;
        }
        for (row, colour) in std::mem::take(&mut self.rows) {
            self.write_row(&row, colour, out)?;
        }
        Ok(())
    }

    fn write_row(
        &self,
        cells: &[String],
        colour: Option<Colour>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut line = String::new();
        for ((_, align, width), cell) in self.columns.iter().zip(cells) {
            let cell = if cell.is_empty() { "-" } else { cell };
            if !line.is_empty() {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        let line = line.trim_end();
        match colour {
            Some(colour) => writeln!(out, "{}", colour.paint(line)),
            None => writeln!(out, "{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &mut Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(["NAME", ">PACKETS", "STATE"]);
        table.row(["web".into(), "1,234,567".into(), "up".into()]);
        table.row(["long-name".into(), "1".into(), String::new()]);
        assert_eq!(
            written(&mut table),
            "NAME         PACKETS  STATE\n\
             web        1,234,567  up\n\
             long-name          1  -\n"
        );
    }

    #[test]
    fn a_later_go_stays_in_line() {
        let mut table = Table::new(["NAME", ">N"]);
        table.row(["long-name".into(), "1".into()]);
        written(&mut table);
        table.row(["a".into(), "2".into()]);
        assert_eq!(written(&mut table), "a          2\n");
    }
}
