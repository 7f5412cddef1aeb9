//! How a tile of points is cut among the threads of a workgroup, and how many tiles a workgroup walks over.

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Part};

use super::prelude::{shader, unrolled};
use crate::math::Jet;
use crate::networks::{Network, Shape, Wiring};

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
    /// Rows that a thread computes at once, without broadcasts.
    pub rows: usize,
    /// Side of the square blocks of a weight gradient that one thread accumulates, without broadcasts.
    pub block: usize,
    /// Rows of a weight gradient that a subgroup accumulates at once, with broadcasts.
    pub strip: usize,
    /// Workgroups that a kernel spreads its tiles over, if there are that many: each has a slab of partial sums of its own,
    /// which the reduction must add up.
    pub slabs: usize,
    /// Whether features, weights and slabs lie in images (`shaders/memory`).
    pub images: bool,
    /// Whether weights reach the lanes by subgroup broadcasts (`shaders/products`): `lanes` must be the size of a subgroup
    /// and `groups` one.
    pub broadcasts: bool,
    /// Whether the threads of a workgroup, one subgroup, run in step (`shaders/barriers`).
    pub in_step: bool,
    /// Whether what follows a product happens to each row as it arrives, instead of in a pass of its own.
    pub at_once: bool,
    /// Whether activations of all layers are kept for the way back, instead of computed again.
    pub kept: bool,
    /// Whether weight gradients have a dispatch of their own, which splits the points among workgroups (split-K), instead of
    /// being summed up tile by tile.
    pub split_k: bool,
    /// Whether a softmax over two branches is collapsed to a sigmoid of the difference of its logits, instead of both
    /// branches being multiplied as written.
    pub collapsed: bool,
}

/// Loop trips that one invocation may take by the plan's own count: some drivers end loops silently after
/// 65 535 in total, others have no limit. The compiler's runtime checks about double what a driver counts (measured on
/// lavapipe).
pub fn trip_limit(gpu: &Gpu) -> usize {
    // no limit is a number that can still be doubled
    const NONE: usize = usize::MAX / 2;
    if !gpu.ends_long_loops() {
        return NONE;
    }
    if gpu.is_checked() { 22_500 } else { 45_000 }
}

impl Tile {
    /// The text that says where features, weights and slabs lie.
    pub fn memory(&self, jet: Jet) -> Part {
        memory(self.images, jet)
    }

    /// The text that says how threads wait for each other.
    pub fn barriers(&self) -> Part {
        shader(if self.in_step { "barriers/subgroup" } else { "barriers/workgroup" })
    }

    /// Points of a tile.
    pub fn points(&self) -> usize {
        self.lanes * self.span
    }

    /// Threads of a workgroup.
    pub fn threads(&self) -> usize {
        self.lanes * self.groups
    }

    /// A choice without measuring, for `width` and jets of `streams` numbers. In software (eight lanes, every load
    /// scattered) one group takes all rows, as many points as one load of weights can feed without spilling, and
    /// broadcasts, images and one subgroup where they are to be had (benches/LOG.md). A GPU wants many threads with few
    /// rows each.
    pub fn for_adapter(gpu: &Gpu, width: usize, streams: usize) -> Tile {
        let strip = width.div_ceil(width.div_ceil(25));
        if gpu.is_software() {
            let lanes = 8;
            let broadcasts = gpu.subgroup() == Some(lanes);
            let images = gpu.has_images();
            let span = if broadcasts { 2 } else { 4 };
            let span = if streams > 4 { span / 2 } else { span };
            let (rows, block) = (fit(width, 4, 10), fit(width, 3, 6));
            let (in_step, at_once) = (broadcasts, broadcasts);
            return Tile {
                lanes,
                span,
                groups: 1,
                rows,
                block,
                strip,
                slabs: 32,
                images,
                broadcasts,
                in_step,
                at_once,
                kept: true,
                split_k: false,
                collapsed: true,
            };
        }
        let rows = fit(width, 2, 6);
        let lanes = 16;
        Tile {
            lanes,
            span: 1,
            groups: width.div_ceil(rows).min(gpu.max_threads() as usize / lanes),
            rows,
            block: fit(width, 3, 6),
            strip,
            slabs: 512,
            images: false,
            broadcasts: false,
            in_step: false,
            at_once: false,
            kept: true,
            split_k: false,
            collapsed: true,
        }
    }

    /// The maps of a network as kernels for this tile multiply them.
    pub fn wiring(&self, network: &dyn Network, shape: &Shape) -> Wiring {
        let wiring = network.wiring(shape);
        if self.collapsed { wiring } else { wiring.written_out() }
    }

    /// Feature vectors of scratch that a tile needs.
    pub fn slots(&self, wiring: &Wiring, depth: usize) -> usize {
        wiring.slots(depth, self.kept, self.split_k)
    }

    /// Whether kernels of this tile can run on `gpu`, and if not, why.
    ///
    /// # Errors
    /// [`Error::Usage`] with the field to change.
    pub fn check(&self, gpu: &Gpu) -> Result<()> {
        let fail = |what: String| Err(Error::Usage(what));
        let (threads, most) = (self.threads(), gpu.max_threads() as usize);
        if threads > most {
            return fail(format!(
                "a tile of {} lanes and {} groups takes {threads} threads, this adapter runs {most}: lower `groups`",
                self.lanes, self.groups
            ));
        }
        if self.images && !gpu.has_images() {
            return fail("this adapter cannot read and write images in one kernel: set `images` to false".into());
        }
        for (name, wanted) in [("broadcasts", self.broadcasts), ("in_step", self.in_step)] {
            if wanted && gpu.subgroup() != Some(threads) {
                let offered = match gpu.subgroup() {
                    Some(size) => format!("its subgroups are of {size} threads"),
                    None => "it has no subgroups of one size".into(),
                };
                return fail(format!(
                    "`{name}` needs a workgroup of one subgroup: on this adapter {offered}, the tile has {threads}: set `{name}` to false"
                ));
            }
        }
        if self.broadcasts && self.groups != 1 {
            return fail(format!("`broadcasts` needs one group of threads, not {}", self.groups));
        }
        if self.split_k && !self.kept {
            return fail("`split_k` needs the activations of all layers: set `kept` to true".into());
        }
        Ok(())
    }
}

/// The text that says where features, which are jets, weights and slabs lie.
pub fn memory(images: bool, jet: Jet) -> Part {
    match images {
        true => unrolled(shader("memory/images"), &[("t", jet.texels())]),
        false => shader("memory/buffers"),
    }
}

/// The size between `least` and `most` whose multiples waste the least over `width`; the larger of equals.
pub(super) fn fit(width: usize, least: usize, most: usize) -> usize {
    (least.min(width)..=most.min(width))
        .min_by_key(|&size| (width.next_multiple_of(size), usize::MAX - size))
        .unwrap_or(1)
}

/// For tests: by blocks, in buffers.
#[cfg(test)]
pub(crate) const BLOCKS: Tile = Tile {
    lanes: 8,
    span: 2,
    groups: 1,
    rows: 5,
    block: 5,
    strip: 25,
    slabs: 32,
    images: false,
    broadcasts: false,
    in_step: false,
    at_once: false,
    kept: true,
    split_k: false,
    collapsed: true,
};

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
