//! Rows as a Markdown table: readable in a terminal, and ready for the book.

use std::fmt;

use crate::row::Row;

const HEAD: [&str; 8] = [
    "case", "unit", "ours", "floor", "others", "ratio", "target", "holds",
];

/// Shows rows as a Markdown table with aligned columns.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(cells).collect();
        let mut widths = HEAD.map(str::len);
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        write_line(f, &HEAD.map(str::to_owned), &widths)?;
        write_line(f, &widths.map(|width| "-".repeat(width)), &widths)?;
        for line in &lines {
            write_line(f, line, &widths)?;
        }
        Ok(())
    }
}

/// How many targets hold, and how many were judged.
#[must_use]
pub fn score(rows: &[Row]) -> (usize, usize) {
    let judged = rows.iter().filter_map(|row| row.holds);
    (
        judged.clone().filter(|holds| *holds).count(),
        judged.count(),
    )
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
    let others = row.peers.iter();
    let others: Vec<_> = others
        .map(|(name, value)| format!("{name} {}", figure(*value)))
        .collect();
    let holds = match (row.holds, &row.note) {
        (Some(true), _) => "yes".to_owned(),
        (Some(false), _) => "NO".to_owned(),
        (None, Some(note)) => note.clone(),
        (None, None) => "-".to_owned(),
    };
    [
        row.case.clone(),
        row.unit.clone(),
        number(row.ours),
        number(row.floor),
        if others.is_empty() {
            "-".to_owned()
        } else {
            others.join(", ")
        },
        row.ratio
            .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
        row.target.clone().unwrap_or_else(|| "-".to_owned()),
        holds,
    ]
}

/// Three digits that matter, thousands apart.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => thousands(value.round() as i64),
        middle if middle >= 100.0 => format!("{value:.0}"),
        small if small >= 10.0 || value.fract() == 0.0 => trimmed(format!("{value:.1}")),
        _ => trimmed(format!("{value:.2}")),
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    cells: &[String; HEAD.len()],
    widths: &[usize; HEAD.len()],
) -> fmt::Result {
    for (cell, width) in cells.iter().zip(widths) {
        write!(f, "| {cell:<width$} ")?;
    }
    writeln!(f, "|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let shown = [0.0, 1.234, 4.0, 23.45, 132.4, 1_089_000.0].map(figure);
        assert_eq!(shown, ["0", "1.23", "4", "23.4", "132", "1 089 000"]);
    }

    #[test]
    fn a_broken_target_stands_out() {
        let row = Row {
            case: "stack of four".to_owned(),
            unit: "ns/call".to_owned(),
            ours: Some(200.0),
            peers: [("tower-resilience".to_owned(), 700.0)].into(),
            floor: None,
            ratio: Some(0.2857),
            target: Some("<= 1/8 of tower-resilience".to_owned()),
            holds: Some(false),
            note: None,
        };
        let table = Table(std::slice::from_ref(&row)).to_string();
        let last = table.lines().last().unwrap();
        assert!(last.contains("| tower-resilience 700 | 0.286 |"), "{last}");
        assert!(last.ends_with("| NO    |"), "{last}");
        assert_eq!(score(&[row]), (0, 1));
    }
}
