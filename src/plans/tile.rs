//! How a tile of points is cut among the threads of a workgroup, and how many tiles a workgroup walks over.

use crate::gpu::{Gpu, Part};

use super::prelude::shader;

/// The shape of a tile; every number is a constant of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tile {
    /// Threads that lie side by side over points.
    pub lanes: usize,
    /// Points of one thread; a tile holds `lanes · span` points.
    pub span: usize,
    /// Groups of threads that share the rows of a matrix.
    pub groups: usize,
    /// Rows that a thread computes at once.
    pub rows: usize,
    /// Side of the square blocks of a weight gradient that one thread accumulates.
    pub block: usize,
    /// Whether features, weights and slabs lie in images (`shaders/memory`).
    pub images: bool,
}

/// Loop trips that one invocation may take by the plan's own count: some drivers end loops silently after
/// 65 535 in total. The compiler's runtime checks about double what a driver counts (measured on lavapipe).
pub fn trip_limit(gpu: &Gpu) -> usize {
    if gpu.is_checked() { 22_500 } else { 45_000 }
}

impl Tile {
    /// The text that says where features, weights and slabs lie.
    pub fn memory(&self) -> Part {
        shader(if self.images { "memory/images" } else { "memory/buffers" })
    }

    /// Points of a tile.
    pub fn points(&self) -> usize {
        self.lanes * self.span
    }

    /// Threads of a workgroup.
    pub fn threads(&self) -> usize {
        self.lanes * self.groups
    }

    /// A choice without measuring. In software (eight lanes, every load scattered) one group takes all rows
    /// and each load feeds as many multiply–adds as registers hold: 10 rows × 4 points; larger blocks spill
    /// and compile longer (benches/LOG.md). A GPU wants many threads with few rows each.
    pub fn for_adapter(software: bool, width: usize, streams: usize, max_threads: usize) -> Tile {
        if software {
            let span = if streams > 4 { 2 } else { 4 };
            return Tile { lanes: 8, span, groups: 1, rows: fit(width, 4, 10), block: fit(width, 3, 6), images: false };
        }
        let rows = fit(width, 2, 6);
        let lanes = 16;
        let groups = width.div_ceil(rows).min(max_threads / lanes);
        Tile { lanes, span: 1, groups, rows, block: fit(width, 3, 6), images: false }
    }
}

/// The size between `least` and `most` whose multiples waste the least over `width`; the larger of equals.
fn fit(width: usize, least: usize, most: usize) -> usize {
    (least.min(width)..=most.min(width))
        .min_by_key(|&size| (width.next_multiple_of(size), usize::MAX - size))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn sizes_fit_the_width() {
        assert_eq!(fit(50, 4, 25), 25);
        assert_eq!(fit(50, 2, 6), 5);
        assert_eq!(fit(16, 4, 25), 16);
        assert_eq!(fit(37, 4, 25), 19);
        assert_eq!(fit(7, 4, 10), 7);
        assert_eq!(fit(4, 4, 10), 4);
    }
}
