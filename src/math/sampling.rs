//! Latin hypercube points, the host twin of the device sampler.
//!
//! The free coordinates of the n points of a set are one Latin hypercube over *all* its regions: on every
//! axis each of the n strata holds one point. Everything is a function of (seed, step, set, point, axis).

use super::rng::{self, Stream};

/// The largest f32 below one.
const BELOW_ONE: f32 = 0.999_999_94;

/// A box in physical coordinates; on a degenerate axis both ends agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The lower end on each axis.
    pub lower: Vec<f64>,
    /// The upper end on each axis.
    pub upper: Vec<f64>,
}

impl Region {
    /// A region from its corners.
    pub fn new(lower: &[f64], upper: &[f64]) -> Self {
        Self { lower: lower.to_vec(), upper: upper.to_vec() }
    }
}

/// The region of point `point` of `n` over `regions` boxes in order: box r holds the points from ⌊n·r/R⌋
/// to ⌊n·(r+1)/R⌋ − 1, so counts differ by at most one.
pub fn region_of(point: usize, n: usize, regions: usize) -> usize {
    ((point + 1) * regions - 1) / n
}

/// The key of the strata permutation of `axis` of point set `set`.
pub fn stratum_key(seed: u64, step: u32, set: u32, axis: u32) -> [u32; 2] {
    let words = rng::philox([set, step, Stream::Stratum as u32, axis], rng::key(seed));
    [words[0], words[1]]
}

/// The coordinate in [0, 1) of point `point` of `n` on `axis`.
pub fn unit(seed: u64, step: u32, set: u32, axis: u32, point: u32, n: u32) -> f32 {
    let stratum = rng::permute(point, n, stratum_key(seed, step, set, axis));
    let block = set * 16 + axis / 4;
    let words = rng::philox([point, step, Stream::Sample as u32, block], rng::key(seed));
    let inside = rng::uniform01(words[(axis % 4) as usize]);
    ((stratum as f32 + inside) * (1.0 / n as f32)).min(BELOW_ONE)
}

/// The n points at `step` from the random numbers of set `set`, flat [n, axes], physical coordinates in f32.
pub fn points(seed: u64, step: u32, set: u32, regions: &[Region], n: usize) -> Vec<f32> {
    points_from(seed, step, set, regions, n, |k| k)
}

/// The same where opposite regions share coordinates: see [`opposite`].
pub fn opposite_points(seed: u64, step: u32, set: u32, regions: &[Region], n: usize) -> Vec<f32> {
    points_from(seed, step, set, regions, n, |k| opposite(k, n, regions.len()))
}

/// The point whose random numbers point `k` takes where regions 2r and 2r + 1 share them place by place: that of the
/// same place in the even one, or the last there.
pub fn opposite(k: usize, n: usize, regions: usize) -> usize {
    let region = region_of(k, n, regions);
    let start = n * region / regions;
    if region.is_multiple_of(2) { k } else { (k - start + n * (region - 1) / regions).min(start.max(1) - 1) }
}

fn points_from(
    seed: u64,
    step: u32,
    set: u32,
    regions: &[Region],
    n: usize,
    source: impl Fn(usize) -> usize,
) -> Vec<f32> {
    let axes = regions.first().map_or(0, |region| region.lower.len());
    let mut points = Vec::with_capacity(n * axes);
    for k in 0..n {
        let region = &regions[region_of(k, n, regions.len())];
        for axis in 0..axes {
            let lower = region.lower[axis] as f32;
            let extent = (region.upper[axis] - region.lower[axis]) as f32;
            let u = unit(seed, step, set, axis as u32, source(k) as u32, n as u32);
            points.push(lower + extent * u);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_even_and_in_order() {
        for n in 1..=50 {
            for regions in 1..=6 {
                let of: Vec<usize> = (0..n).map(|k| region_of(k, n, regions)).collect();
                assert!(of.is_sorted());
                for r in 0..regions {
                    let count = of.iter().filter(|&&x| x == r).count();
                    assert_eq!(count, n * (r + 1) / regions - n * r / regions, "n {n} region {r}/{regions}");
                }
            }
        }
    }

    #[test]
    fn every_stratum_of_every_axis_holds_one_point() {
        let n = 257;
        let box_ = Region::new(&[-1.0, 0.0, 2.0], &[1.0, 4.0, 2.0]);
        for step in 0..3 {
            let points = points(99, step, 1, std::slice::from_ref(&box_), n);
            for axis in 0..2 {
                let (lower, extent) = (box_.lower[axis], box_.upper[axis] - box_.lower[axis]);
                let mut strata: Vec<usize> = points
                    .chunks(3)
                    .map(|p| ((f64::from(p[axis]) - lower) / extent * n as f64).floor() as usize)
                    .collect();
                strata.sort_unstable();
                assert_eq!(strata, (0..n).collect::<Vec<_>>(), "axis {axis}, step {step}");
            }
            assert!(points.chunks(3).all(|p| p[2] == 2.0), "a degenerate axis moved");
        }
    }

    /// Also where there are fewer points than regions, or counts that differ.
    #[test]
    fn opposite_regions_share_their_places() {
        for n in 1..=50 {
            for regions in [1, 2, 4] {
                for k in 0..n {
                    let (region, source) = (region_of(k, n, regions), opposite(k, n, regions));
                    let place = |k: usize| k - n * region_of(k, n, regions) / regions;
                    let before = n * (region / 2 * 2 + 1) / regions - n * (region / 2 * 2) / regions;
                    assert!(source <= k);
                    if before > 0 {
                        assert_eq!(
                            region_of(source, n, regions),
                            region / 2 * 2,
                            "point {k} of {n}, {regions} regions"
                        );
                        assert_eq!(place(source), place(k).min(before - 1));
                    }
                }
            }
        }
    }

    #[test]
    fn coordinates_stay_below_one() {
        let n = 1 << 20;
        assert!((0..n).all(|k| unit(1, 2, 0, 0, k, n) < 1.0));
    }

    #[test]
    fn steps_sets_axes_and_seeds_do_not_repeat() {
        let base = unit(1, 0, 0, 0, 5, 1000);
        for other in
            [unit(2, 0, 0, 0, 5, 1000), unit(1, 1, 0, 0, 5, 1000), unit(1, 0, 1, 0, 5, 1000), unit(1, 0, 0, 1, 5, 1000)]
        {
            assert_ne!(base, other);
        }
    }
}
