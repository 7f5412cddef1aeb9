//! The tiles that a search goes through: where it begins, and what lies one step away from a tile.

use crate::gpu::Gpu;
use crate::networks::Shape;

use super::tile::{Tile, fit};

/// Points of one thread, at most: what a thread holds of each is unrolled.
const MOST_SPAN: usize = 8;
/// Jets that a thread accumulates at once, at most: beyond it registers are spilled everywhere, and compilers take minutes.
const MOST_ACCUMULATORS: usize = 64;

/// The two mappings of points and rows to threads, on whatever adapter: few threads that each do all rows of their points,
/// as software likes it, and many threads with few rows each, as a GPU likes it. Everything else is as `first` has it.
pub fn starts(gpu: &Gpu, shape: &Shape, first: &Tile) -> [Tile; 2] {
    let broadcasts = gpu.subgroup().is_some();
    let few = Tile {
        lanes: gpu.subgroup().unwrap_or(8),
        span: 2,
        groups: 1,
        rows: fit(shape.width, 4, 10),
        broadcasts,
        in_step: broadcasts,
        at_once: broadcasts,
        ..*first
    };
    let (lanes, rows) = (16, fit(shape.width, 2, 6));
    let groups = shape.width.div_ceil(rows).min(gpu.max_threads() as usize / lanes);
    let many = Tile { lanes, span: 1, groups, rows, broadcasts: false, in_step: false, at_once: false, ..*first };
    [few, many]
}

/// What lies one step away from `tile`, for networks of `width`: at each place always the step in the same direction. Where
/// there is nothing in a direction, the tile itself stands. Whether an adapter can run them is not looked at.
pub fn neighbours(tile: &Tile, width: usize) -> [Tile; 18] {
    let t = *tile;
    let half = |size: usize| (size / 2).max(1);
    // threads that share all rows, one block each, go on doing so
    let rows = |rows: usize| match t.groups > 1 && t.groups == width.div_ceil(t.rows) {
        true => Tile { rows, groups: width.div_ceil(rows), ..t },
        false => Tile { rows, ..t },
    };
    let all = [
        Tile { span: 2 * t.span, ..t },
        Tile { span: half(t.span), ..t },
        Tile { lanes: 2 * t.lanes, ..t },
        Tile { lanes: half(t.lanes), ..t },
        Tile { groups: 2 * t.groups, ..t },
        Tile { groups: half(t.groups), ..t },
        rows(larger(width, t.rows)),
        rows(smaller(width, t.rows)),
        Tile { block: larger(width, t.block), ..t },
        Tile { block: smaller(width, t.block), ..t },
        Tile { strip: larger(width, t.strip), ..t },
        Tile { strip: smaller(width, t.strip), ..t },
        Tile { slabs: 2 * t.slabs, ..t },
        Tile { slabs: half(t.slabs), ..t },
        Tile { at_once: !t.at_once, ..t },
        Tile { kept: !t.kept, ..t },
        Tile { in_step: !t.in_step, ..t },
        Tile { images: !t.images, ..t },
    ];
    all.map(|other| if sensible(&other) && acts(&t, &other) { other } else { t })
}

/// The size between `size` and its double, or its half, that wastes least of `width`.
fn larger(width: usize, size: usize) -> usize {
    fit(width, size + 1, 2 * size)
}

fn smaller(width: usize, size: usize) -> usize {
    fit(width, size.div_ceil(2), size - usize::from(size > 1))
}

/// Whether compilers will be able to keep what a thread works on in registers.
fn sensible(tile: &Tile) -> bool {
    let blocks = if tile.broadcasts { 0 } else { (tile.rows * tile.span).max(tile.block * tile.block) };
    tile.span <= MOST_SPAN && blocks <= MOST_ACCUMULATORS && tile.strip <= MOST_ACCUMULATORS && tile.slabs <= 1024
}

/// Whether kernels look at what differs: sizes of blocks without broadcasts, strips with them.
fn acts(tile: &Tile, other: &Tile) -> bool {
    match tile.broadcasts {
        true => Tile { rows: tile.rows, block: tile.block, ..*other } != *tile,
        false => Tile { strip: tile.strip, ..*other } != *tile,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tile::BLOCKS;
    use super::*;

    /// What is one step away from `tile`, without the directions that lead nowhere.
    fn around(tile: Tile) -> Vec<Tile> {
        neighbours(&tile, 50).into_iter().filter(|other| *other != tile).collect()
    }

    #[test]
    fn one_step_changes_one_thing_that_kernels_look_at() {
        let blocks = around(BLOCKS);
        assert!(blocks.contains(&Tile { span: 4, ..BLOCKS }) && blocks.contains(&Tile { lanes: 16, ..BLOCKS }));
        assert!(blocks.contains(&Tile { rows: 10, ..BLOCKS }) && blocks.contains(&Tile { block: 3, ..BLOCKS }));
        assert!(blocks.iter().all(|tile| tile.strip == BLOCKS.strip));
        let broadcasts = Tile { broadcasts: true, ..BLOCKS };
        let strips: Vec<usize> = around(broadcasts).iter().map(|tile| tile.strip).collect();
        assert!(strips.contains(&50) && strips.contains(&17) && around(broadcasts).iter().all(|tile| tile.rows == 5));
    }

    #[test]
    fn groups_that_share_all_rows_go_on_doing_so_and_registers_suffice() {
        let spread = around(Tile { groups: 10, ..BLOCKS });
        assert!(spread.contains(&Tile { groups: 5, rows: 10, ..BLOCKS }), "{spread:?}");
        assert!(around(Tile { groups: 4, ..BLOCKS }).contains(&Tile { groups: 4, rows: 10, ..BLOCKS }));
        let mut tile = BLOCKS;
        // as far as it goes; lanes and groups end at what an adapter runs
        for direction in [0, 6, 8, 10, 12] {
            for _ in 0..20 {
                tile = neighbours(&tile, 512)[direction];
            }
            assert_eq!(neighbours(&tile, 512)[direction], tile);
        }
        assert!(tile.rows * tile.span <= MOST_ACCUMULATORS && tile.block * tile.block <= MOST_ACCUMULATORS, "{tile:?}");
    }
}
