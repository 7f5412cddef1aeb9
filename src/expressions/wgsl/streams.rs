//! How a residual reads derivatives from a jet and gives their cotangents back.

use super::super::expr::Leaf;
use crate::math::{Jet, MultiIndex};

/// The streams of a jet as a residual sees them.
pub trait Streams {
    /// WGSL that reads a [`Leaf::Field`] or [`Leaf::Laplacian`] from `u: Fields`; none if the jet does not hold it.
    fn read(&self, leaf: &Leaf) -> Option<String>;

    /// WGSL of the jet whose streams are `bars`, the cotangents of what was read from a field; zero elsewhere.
    fn cotangent(&self, field: usize, bars: &[(Leaf, String)]) -> String;

    /// WGSL that reads an unknown.
    fn unknown(&self, unknown: usize) -> String {
        format!("unknowns[{unknown}]")
    }
}

/// The place of a leaf among the streams of a jet in `shaders/jets`; none if the jet does not hold it.
pub fn place(jet: Jet, leaf: &Leaf) -> Option<usize> {
    let (laplacian, index) = match leaf {
        Leaf::Field { index, .. } => (false, *index),
        Leaf::Laplacian { index, .. } => (true, *index),
        _ => return None,
    };
    let axes = index.axes();
    match (jet, laplacian, &axes[..]) {
        (_, false, []) => Some(0),
        (Jet::Value, ..) => None,
        (_, false, [axis]) if *axis < jet.axes() => Some(1 + axis),
        (Jet::Second | Jet::Second5d, true, []) => Some(1 + jet.axes()),
        (Jet::Third, false, [0, 0]) => Some(3),
        (Jet::Third, false, [0, 1]) => Some(4),
        (Jet::Third, false, [1, 1]) => Some(5),
        (Jet::Third, true, [axis @ 0..=1]) => Some(6 + axis),
        _ => None,
    }
}

impl Streams for Jet {
    fn read(&self, leaf: &Leaf) -> Option<String> {
        let (Leaf::Field { field, .. } | Leaf::Laplacian { field, .. }) = leaf else { return None };
        let place = place(*self, leaf)?;
        let named = match (place, leaf) {
            (0, _) => Some("value"),
            (1, _) => Some("d0"),
            (2, _) => Some("d1"),
            (_, Leaf::Laplacian { index: MultiIndex::VALUE, .. }) => Some("laplacian"),
            _ => None,
        };
        Some(match named {
            Some(function) => format!("{function}(u[{field}])"),
            None => format!("u[{field}][{}].{}", place / 4, ["x", "y", "z", "w"][place % 4]),
        })
    }

    fn cotangent(&self, _field: usize, bars: &[(Leaf, String)]) -> String {
        let mut streams: Vec<Option<&str>> = vec![None; self.streams()];
        for (leaf, bar) in bars {
            let place = place(*self, leaf).expect("it was read from this jet");
            streams[place] = Some(bar.as_str()).filter(|bar| *bar != "0.0");
        }
        let or_zero = |bar: Option<&str>| bar.unwrap_or("0.0").to_owned();
        let laplacian = if matches!(self, Self::Second | Self::Second5d) { 1 + self.axes() } else { usize::MAX };
        if (3..streams.len()).any(|place| place != laplacian && streams[place].is_some()) {
            let mut all: Vec<String> = streams.into_iter().map(or_zero).collect();
            all.resize(8, "0.0".to_owned());
            return format!("mat2x4f(vec4f({}), vec4f({}))", all[..4].join(", "), all[4..].join(", "));
        }
        let mut parts = Vec::new();
        parts.extend(streams[0].map(|bar| format!("from_value({bar})")));
        if streams.iter().skip(1).take(2).any(Option::is_some) {
            parts.push(format!("from_gradient({}, {})", or_zero(streams[1]), or_zero(streams[2])));
        }
        parts.extend(streams.get(laplacian).copied().flatten().map(|bar| format!("from_laplacian({bar})")));
        if parts.is_empty() { "jet_zero()".to_owned() } else { parts.join(" + ") }
    }
}
