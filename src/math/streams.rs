//! The streams of a jet: which numbers travel with a field, and sets of them that are made for a problem.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

use super::MultiIndex;
use super::multi_index::MAX_ORDER;

/// Most numbers of a jet. The device's largest type with `+` and `·` of its own is a matrix of four by four.
pub const MAX_STREAMS: usize = 16;

/// One number of a jet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// ∂^α u.
    Derivative(MultiIndex),
    /// The generalised Laplacian Lu = Σ cᵢ ∂ᵢᵢu with the problem's constants c, over the axes that its jet names.
    Laplacian,
    /// ∂ᵢΔu along this axis, with Δ = ∂₀₀ + ∂₁₁.
    SlopeOfLaplacian(usize),
}

impl Stream {
    /// u.
    pub const VALUE: Self = Self::Derivative(MultiIndex::VALUE);

    /// The derivative along each of `axes` in turn.
    pub fn along(axes: &[usize]) -> Self {
        Self::Derivative(MultiIndex::of(axes))
    }

    /// The order of its derivatives.
    pub fn order(self) -> usize {
        match self {
            Self::Derivative(index) => index.order(),
            Self::Laplacian => 2,
            Self::SlopeOfLaplacian(_) => 3,
        }
    }
}

/// As in equations: u, ∂₀₁u, Lu.
impl fmt::Display for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 5] = ['₀', '₁', '₂', '₃', '₄'];
        match self {
            Self::Derivative(index) if index.order() == 0 => out.write_str("u"),
            Self::Derivative(index) => {
                let digits: String = index.axes().into_iter().map(|axis| DIGITS[axis]).collect();
                write!(out, "∂{digits}u")
            }
            Self::Laplacian => out.write_str("Lu"),
            Self::SlopeOfLaplacian(axis) => write!(out, "∂{}Δu", DIGITS[*axis]),
        }
    }
}

/// The streams of a jet that is made for a problem: a set of derivatives that holds all lower ones of each, and so is
/// closed under elementwise functions and products; perhaps a generalised Laplacian, which needs the slopes of its axes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Streams {
    name: String,
    list: Vec<Stream>,
    laplacian: Vec<usize>,
    axes: usize,
}

/// All sets that were ever asked for. They are few and live as long as the program, so that a jet can be copied.
static KNOWN: Mutex<Vec<&'static Streams>> = Mutex::new(Vec::new());

impl Streams {
    /// The smallest set with `needs` and, unless `laplacian` is empty, a generalised Laplacian over these axes: the
    /// value first, then by order, the Laplacian last. The same set is the same reference.
    ///
    /// # Errors
    /// There are more than [`MAX_STREAMS`] of them, or one of an order beyond [`MAX_ORDER`].
    pub fn closed(needs: &[MultiIndex], laplacian: &[usize]) -> Result<&'static Self, String> {
        if let Some(high) = needs.iter().find(|index| index.order() > MAX_ORDER) {
            let order = high.order();
            return Err(format!("a derivative of order {order} is asked for: order {MAX_ORDER} is the highest"));
        }
        let slopes = laplacian.iter().map(|&axis| MultiIndex::of(&[axis]));
        let tops: Vec<MultiIndex> = needs.iter().copied().chain(slopes).chain([MultiIndex::VALUE]).collect();
        let mut all: Vec<MultiIndex> =
            tops.iter().flat_map(|index| index.divisors()).collect::<BTreeSet<_>>().into_iter().collect();
        all.sort_unstable_by_key(|index| (index.order(), std::cmp::Reverse(*index)));
        let laplacian: Vec<usize> = laplacian.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let count = all.len() + usize::from(!laplacian.is_empty());
        if count > MAX_STREAMS {
            return Err(format!(
                "these derivatives with all lower ones are {count} numbers per field and point, and a jet holds \
                 {MAX_STREAMS}: ask for lower derivatives, fewer mixed ones, or introduce a field for one of them"
            ));
        }
        Ok(Self::interned(Self::new(&all, laplacian)))
    }

    fn new(all: &[MultiIndex], laplacian: Vec<usize>) -> Self {
        // what no other one contains says it all: the set is what these and their lower derivatives make
        let inner = |index: &MultiIndex| all.iter().any(|other| other != index && index.divides(*other));
        let mut name = String::from("u");
        for top in all.iter().filter(|index| index.order() > 0 && !inner(index)) {
            name.push_str(&format!("_{top}"));
        }
        let mut list: Vec<Stream> = all.iter().copied().map(Stream::Derivative).collect();
        if !laplacian.is_empty() {
            let axes: String = laplacian.iter().map(usize::to_string).collect();
            name.push_str(&format!("_l{axes}"));
            list.push(Stream::Laplacian);
        }
        let axes = all.iter().flat_map(|index| index.axes()).max().map_or(1, |axis| axis + 1);
        Self { name, list, laplacian, axes }
    }

    fn interned(streams: Self) -> &'static Self {
        let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(same) = known.iter().find(|other| ***other == streams) {
            return same;
        }
        let kept: &'static Self = Box::leak(Box::new(streams));
        known.push(kept);
        kept
    }

    /// `u` and the highest derivatives by their axes' numbers, such as `u_000_1`; `l01` is a Laplacian over axes 0 and 1.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The streams in order.
    pub fn list(&self) -> &[Stream] {
        &self.list
    }

    /// The axes of the generalised Laplacian; empty where there is none.
    pub fn laplacian(&self) -> &[usize] {
        &self.laplacian
    }

    /// The number of coordinates up to the last one that it has a derivative along, at least one.
    pub fn axes(&self) -> usize {
        self.axes
    }
}
