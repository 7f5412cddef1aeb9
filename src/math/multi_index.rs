//! How often a field is differentiated along each axis.

use std::fmt;

/// Most axes a problem may have.
pub const MAX_AXES: usize = 5;
/// Highest total order of a derivative.
pub const MAX_ORDER: usize = 4;

/// ∂^α of a field: α counts the derivatives along each axis, so (1, 2) is u_xyy. The order of differentiation does not
/// matter, and all zeros are the field itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MultiIndex([u8; MAX_AXES]);

impl MultiIndex {
    /// No derivative.
    pub const VALUE: Self = Self([0; MAX_AXES]);

    /// The derivative along each of `axes` in turn.
    ///
    /// # Panics
    /// An axis is [`MAX_AXES`] or more.
    pub fn of(axes: &[usize]) -> Self {
        axes.iter().fold(Self::VALUE, |index, &axis| index.raised(axis))
    }

    /// One derivative more along `axis`.
    ///
    /// # Panics
    /// The axis is [`MAX_AXES`] or more.
    #[must_use]
    pub const fn raised(mut self, axis: usize) -> Self {
        self.0[axis] += 1;
        self
    }

    /// How many derivatives are taken along `axis`.
    pub const fn along(self, axis: usize) -> usize {
        self.0[axis] as usize
    }

    /// The total order |α|.
    pub fn order(self) -> usize {
        self.0.iter().map(|&n| usize::from(n)).sum()
    }

    /// The axes differentiated along, in increasing order: `[0, 1, 1]` for (1, 2).
    pub fn axes(self) -> Vec<usize> {
        (0..MAX_AXES).flat_map(|axis| std::iter::repeat_n(axis, self.along(axis))).collect()
    }

    /// Whether every entry is at most that of `other`.
    pub fn divides(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(&a, b)| a <= b)
    }

    /// All β ≤ α, the value first and α last.
    pub fn divisors(self) -> Vec<Self> {
        let mut found = vec![Self::VALUE];
        for axis in 0..MAX_AXES {
            let raised = |n: usize| move |index: Self| (0..n).fold(index, |index, _| index.raised(axis));
            found = (0..=self.along(axis)).flat_map(|n| found.iter().copied().map(raised(n))).collect();
        }
        found.sort_unstable_by_key(|index| (index.order(), std::cmp::Reverse(*index)));
        found
    }

    /// α − β, where β ≤ α.
    #[must_use]
    pub fn without(self, other: Self) -> Option<Self> {
        other.divides(self).then(|| Self(std::array::from_fn(|axis| self.0[axis] - other.0[axis])))
    }
}

/// The axes' numbers, such as `011`, or `value`.
impl fmt::Display for MultiIndex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::VALUE {
            return out.write_str("value");
        }
        self.axes().into_iter().try_for_each(|axis| write!(out, "{axis}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_differentiation_does_not_matter() {
        let index = MultiIndex::of(&[1, 0, 1]);
        assert_eq!(index, MultiIndex::of(&[0, 1, 1]));
        assert_eq!((index.order(), index.along(1), index.axes()), (3, 2, vec![0, 1, 1]));
        assert_eq!(index.to_string(), "011");
        assert_eq!(MultiIndex::VALUE.to_string(), "value");
    }

    #[test]
    fn divisors_are_all_lower_derivatives_in_increasing_order() {
        let names: Vec<String> = MultiIndex::of(&[0, 1, 1]).divisors().iter().map(MultiIndex::to_string).collect();
        assert_eq!(names, ["value", "0", "1", "01", "11", "011"]);
        let index = MultiIndex::of(&[0, 1, 1]);
        assert_eq!(index.without(MultiIndex::of(&[1])), Some(MultiIndex::of(&[0, 1])));
        assert_eq!(index.without(MultiIndex::of(&[0, 0])), None);
    }
}
