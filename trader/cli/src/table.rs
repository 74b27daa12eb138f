//! Tables of text with aligned columns.

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// For names.
    Left,
    /// For numbers.
    Right,
}

/// Titles, which may have several lines, and rows of the same number of cells.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: impl IntoIterator<Item = (String, Align)>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Columns and spaces between them.
    pub(crate) fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
    }

    fn widths(&self) -> Vec<usize> {
        let title = |place: usize| {
            self.columns[place]
                .0
                .lines()
                .map(width_of)
                .max()
                .unwrap_or_default()
        };
        let cell = |place: usize| {
            self.rows
                .iter()
                .map(|row| width_of(&row[place]))
                .max()
                .unwrap_or_default()
        };
        (0..self.columns.len())
            .map(|place| title(place).max(cell(place)))
            .collect()
    }

    /// The table as lines, each ended.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let height = self
            .columns
            .iter()
            .map(|(title, _)| title.lines().count())
            .max()
            .unwrap_or_default();
        let mut text = String::new();
        for line in 0..height {
            let cells = self.columns.iter().map(|(title, _)| {
                // Titles stand on the last line of the head.
                let above = height - title.lines().count();
                line.checked_sub(above)
                    .and_then(|line| title.lines().nth(line))
                    .unwrap_or("")
            });
            text += &self.line(cells, &widths);
        }
        for row in &self.rows {
            text += &self.line(row.iter().map(String::as_str), &widths);
        }
        text
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, (_, align)), width) in cells.zip(&self.columns).zip(widths) {
            if !line.is_empty() {
                line += "  ";
            }
            line += &match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

fn width_of(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_numbers_right() {
        let mut table = Table::new([
            ("NAME".into(), Align::Left),
            ("BIG\nNUMBER".into(), Align::Right),
        ]);
        table.row(vec!["a".into(), "1".into()]);
        table.row(vec!["longer".into(), "12345678".into()]);
        assert_eq!(
            table.render(),
            "             BIG\nNAME      NUMBER\na              1\nlonger  12345678\n"
        );
        assert_eq!(table.width(), 16);
    }
}
