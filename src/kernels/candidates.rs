//! The tiles that a search goes through: where it begins, and what lies one step away from a tile.

use crate::gpu::Capabilities;

use super::gpu::{Gpu, fit};
use super::raster::Raster;
use super::step::Setup;
use super::tile::{TARGETS, Tile};

/// Points of one thread, at most: what a thread holds of each is unrolled.
const MOST_SPAN: usize = 8;
/// Jets that a thread accumulates at once, at most: beyond it registers are spilled everywhere, and compilers take minutes.
const MOST_ACCUMULATORS: usize = 64;

/// The defaults of all targets that `offered` can run.
pub fn starts(offered: &Capabilities, setup: &Setup) -> Vec<Tile> {
    TARGETS.iter().filter_map(|(name, _)| Tile::of_target(name, offered, setup)).collect()
}

/// How many directions [`neighbours`] knows.
pub const DIRECTIONS: usize = 10;

/// What lies one step away from `tile`, for networks of `width`: at each place always the step in the same direction, or
/// nothing. Whether an adapter can run it is not looked at.
pub fn neighbours(tile: &Tile, width: usize) -> [Option<Tile>; DIRECTIONS] {
    let all = match *tile {
        Tile::Gpu(tile) => of_gpu(tile, width).map(|other| sensible_gpu(&other).then_some(Tile::Gpu(other))),
        Tile::Raster(tile) => {
            of_raster(tile, width).map(|other| sensible_raster(&other).then_some(Tile::Raster(other)))
        }
    };
    all.map(|other| other.filter(|other| other != tile))
}

fn of_gpu(t: Gpu, width: usize) -> [Gpu; DIRECTIONS] {
    // threads that share all rows, one block each, go on doing so
    let rows = |rows: usize| match t.groups > 1 && t.groups == width.div_ceil(t.rows) {
        true => Gpu { rows, groups: width.div_ceil(rows), ..t },
        false => Gpu { rows, ..t },
    };
    [
        rows(larger(width, t.rows)),
        rows(smaller(width, t.rows)),
        Gpu { groups: 2 * t.groups, ..t },
        Gpu { groups: half(t.groups), ..t },
        Gpu { lanes: 2 * t.lanes, ..t },
        Gpu { lanes: half(t.lanes), ..t },
        Gpu { columns: t.columns + 1, ..t },
        Gpu { columns: (t.columns - 1).max(1), ..t },
        Gpu { slabs: 2 * t.slabs, ..t },
        Gpu { slabs: half(t.slabs), ..t },
    ]
}

fn of_raster(t: Raster, width: usize) -> [Raster; DIRECTIONS] {
    [
        Raster { span: 2 * t.span, ..t },
        Raster { span: half(t.span), ..t },
        Raster { strip: larger(width, t.strip), ..t },
        Raster { strip: smaller(width, t.strip), ..t },
        Raster { slabs: 2 * t.slabs, ..t },
        Raster { slabs: half(t.slabs), ..t },
        Raster { images: !t.images, ..t },
        t,
        t,
        t,
    ]
}

fn half(size: usize) -> usize {
    (size / 2).max(1)
}

/// The size between `size` and its double, or its half, that wastes least of `width`.
fn larger(width: usize, size: usize) -> usize {
    fit(width, size + 1, 2 * size)
}

fn smaller(width: usize, size: usize) -> usize {
    fit(width, size.div_ceil(2), size - usize::from(size > 1))
}

/// Whether compilers will be able to keep what a thread works on in registers.
fn sensible_gpu(tile: &Gpu) -> bool {
    tile.rows * tile.columns <= MOST_ACCUMULATORS && tile.slabs <= 4096
}

fn sensible_raster(tile: &Raster) -> bool {
    tile.span <= MOST_SPAN && tile.strip <= MOST_ACCUMULATORS && tile.slabs <= 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: Gpu = Gpu { lanes: 32, groups: 5, rows: 10, columns: 2, slabs: 512 };
    const RASTER: Raster = Raster { lanes: 8, span: 2, strip: 25, slabs: 32, images: true };

    #[test]
    fn one_step_changes_one_thing() {
        let around = |tile: Tile| neighbours(&tile, 50).into_iter().flatten().collect::<Vec<_>>();
        let gpu = around(Tile::Gpu(GPU));
        assert!(
            gpu.contains(&Tile::Gpu(Gpu { columns: 1, ..GPU })) && gpu.contains(&Tile::Gpu(Gpu { lanes: 64, ..GPU }))
        );
        let spread = Gpu { rows: 5, groups: 10, ..GPU };
        assert!(around(Tile::Gpu(spread)).contains(&Tile::Gpu(GPU)), "groups follow the rows");
        let raster = around(Tile::Raster(RASTER));
        assert!(raster.contains(&Tile::Raster(Raster { span: 4, ..RASTER })));
        assert!(raster.contains(&Tile::Raster(Raster { images: false, ..RASTER })));
        assert!(raster.iter().all(|other| *other != Tile::Raster(RASTER)));
    }

    #[test]
    fn every_direction_ends() {
        for start in [Tile::Gpu(GPU), Tile::Raster(RASTER)] {
            for direction in
                (0..DIRECTIONS).filter(|&direction| !(2..6).contains(&direction) || start.target().name() == "raster")
            {
                let mut tile = start;
                let ends = (0..20).any(|_| match neighbours(&tile, 512)[direction] {
                    Some(next) => {
                        tile = next;
                        false
                    }
                    None => true,
                });
                // a switch goes back and forth instead
                assert!(ends || tile == start || matches!(start, Tile::Raster(_)) && direction == 6, "{direction}");
            }
        }
    }
}
