//! Comma-separated values: the shortest digits that give the same 32-bit number back.

use std::fmt::Write as _;

use super::Fields;

pub(super) fn bytes(fields: &Fields) -> Vec<u8> {
    let columns: Vec<_> = fields.axes.iter().chain(&fields.columns).collect();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut text = names.join(",") + "\n";
    for point in 0..columns.first().map_or(0, |column| column.values.len()) {
        for (k, column) in columns.iter().enumerate() {
            let comma = if k == 0 { "" } else { "," };
            // Debug writes powers of ten where zeros would be many
            _ = write!(text, "{comma}{:?}", column.values[point]);
        }
        text.push('\n');
    }
    text.into_bytes()
}
