//! Which derivative streams travel through a network together, and which published form it has.

use super::MultiIndex;
use super::streams::{Stream, Streams};

/// The set of derivatives of a field carried at a point. Five are written by hand, one file of `shaders/jets` each; any
/// other is emitted from its streams (`src/kernels/jets.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jet {
    /// u.
    Value,
    /// u, ∂₀u, ∂₁u.
    Gradient,
    /// u, ∂₀u, ∂₁u and the generalised Laplacian Σ cᵢ ∂ᵢᵢu.
    Second,
    /// u, its slopes along five axes and the generalised Laplacian Σ cᵢ ∂ᵢᵢu.
    Second5d,
    /// ψ, ∂₀, ∂₁, ∂₀₀, ∂₀₁, ∂₁₁, ∂₀Δ, ∂₁Δ.
    Third,
    /// Made for a problem.
    Emitted(&'static Streams),
}

impl Jet {
    /// Every jet that is written by hand, in increasing order of derivative.
    pub const ALL: [Self; 5] = [Self::Value, Self::Gradient, Self::Second, Self::Second5d, Self::Third];

    /// The jet with the fewest numbers that has `needs` and, unless `laplacian` is empty, a generalised Laplacian over
    /// these axes, for a problem of so many `axes`; of equals one that is written by hand.
    ///
    /// # Errors
    /// As [`Streams::closed`].
    pub fn covering(
        needs: impl IntoIterator<Item = MultiIndex>,
        axes: usize,
        laplacian: &[usize],
    ) -> Result<Self, String> {
        let needs: Vec<MultiIndex> = needs.into_iter().collect();
        let wanted = needs.iter().copied().map(Stream::Derivative);
        let wanted: Vec<Stream> = wanted.chain((!laplacian.is_empty()).then_some(Stream::Laplacian)).collect();
        let suffices = |jet: &Self| {
            // its text names the constants of all of its axes
            let fits = *jet == Self::Value || jet.axes() <= axes;
            let own = jet.laplacian_axes();
            fits && own.is_empty() == laplacian.is_empty()
                && laplacian.iter().all(|axis| own.contains(axis))
                && wanted.iter().all(|stream| jet.number_of(*stream).is_some())
        };
        let by_hand = Self::ALL.into_iter().filter(suffices).min_by_key(|jet| jet.streams());
        let emitted = Self::emitted(&needs, laplacian);
        match (by_hand, emitted) {
            (Some(jet), Ok(emitted)) if emitted.streams() < jet.streams() => Ok(emitted),
            (Some(jet), _) => Ok(jet),
            (None, emitted) => emitted,
        }
    }

    /// The emitted jet of these streams and all that they need.
    ///
    /// # Errors
    /// As [`Streams::closed`].
    pub fn emitted(needs: &[MultiIndex], laplacian: &[usize]) -> Result<Self, String> {
        Streams::closed(needs, laplacian).map(Self::Emitted)
    }

    /// A jet that has the streams of all `jets` of a problem of so many `axes`: one of them where it holds the others.
    ///
    /// # Errors
    /// As [`Streams::closed`]; also if one has slopes of a Laplacian and does not hold the others.
    pub fn joined(jets: &[Self], axes: usize) -> Result<Self, String> {
        let all = |jet: &&Self| jets.iter().all(|other| jet.holds(*other));
        if let Some(jet) = jets.iter().filter(all).min_by_key(|jet| jet.streams()) {
            return Ok(*jet);
        }
        let (mut needs, mut laplacian) = (Vec::new(), Vec::new());
        for jet in jets {
            laplacian.extend(jet.laplacian_axes());
            for stream in jet.list() {
                match stream {
                    Stream::Derivative(index) => needs.push(index),
                    Stream::Laplacian => {}
                    Stream::SlopeOfLaplacian(_) => {
                        return Err(format!("the jet `{}` cannot be joined with another", jet.name()));
                    }
                }
            }
        }
        Self::covering(needs, axes, &laplacian)
    }

    /// Whether it has every stream of `other`.
    pub fn holds(self, other: Self) -> bool {
        let own = self.laplacian_axes();
        other.laplacian_axes().iter().all(|axis| own.contains(axis))
            && other.list().into_iter().all(|stream| self.number_of(stream).is_some())
    }

    /// The stem of its shader file, or the name of its streams.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Gradient => "gradient",
            Self::Second => "second",
            Self::Second5d => "second_5d",
            Self::Third => "third",
            Self::Emitted(streams) => streams.name(),
        }
    }

    /// Its streams, in the order in which it holds them.
    pub fn list(self) -> Vec<Stream> {
        let slopes = |axes: usize| (0..axes).map(|axis| Stream::along(&[axis]));
        let value = std::iter::once(Stream::VALUE);
        let second = [[0, 0], [0, 1], [1, 1]].map(|axes| Stream::along(&axes));
        match self {
            Self::Value => value.collect(),
            Self::Gradient => value.chain(slopes(2)).collect(),
            Self::Second => value.chain(slopes(2)).chain([Stream::Laplacian]).collect(),
            Self::Second5d => value.chain(slopes(5)).chain([Stream::Laplacian]).collect(),
            Self::Third => value.chain(slopes(2)).chain(second).chain([0, 1].map(Stream::SlopeOfLaplacian)).collect(),
            Self::Emitted(streams) => streams.list().to_vec(),
        }
    }

    /// The number of `stream` among its streams, if it has it.
    pub fn number_of(self, stream: Stream) -> Option<usize> {
        self.list().into_iter().position(|own| own == stream)
    }

    /// The axes of its generalised Laplacian; empty where it has none.
    pub fn laplacian_axes(self) -> Vec<usize> {
        match self {
            Self::Value | Self::Gradient | Self::Third => Vec::new(),
            Self::Second => vec![0, 1],
            Self::Second5d => (0..5).collect(),
            Self::Emitted(streams) => streams.laplacian().to_vec(),
        }
    }

    /// The highest derivative in it.
    pub fn order(self) -> usize {
        match self {
            Self::Value => 0,
            Self::Gradient => 1,
            Self::Second | Self::Second5d => 2,
            Self::Third => 3,
            Self::Emitted(streams) => streams.list().iter().map(|stream| stream.order()).max().unwrap_or(0),
        }
    }

    /// The number of coordinates it has derivatives along; a value knows no coordinates and counts as two.
    pub fn axes(self) -> usize {
        match self {
            Self::Value | Self::Gradient | Self::Second | Self::Third => 2,
            Self::Second5d => 5,
            Self::Emitted(streams) => streams.axes(),
        }
    }

    /// How many numbers it holds.
    pub fn streams(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Gradient => 3,
            Self::Second => 4,
            Self::Second5d => 7,
            Self::Third => 8,
            Self::Emitted(streams) => streams.list().len(),
        }
    }

    /// How many vectors of four it fills: the columns of a matrix of more than four streams.
    pub fn texels(self) -> usize {
        self.streams().div_ceil(4)
    }

    /// How many streams each of these vectors holds; the last one may have less. Five streams are two columns of three:
    /// a number that is always zero would be multiplied like any other.
    pub fn rows(self) -> usize {
        self.streams().div_ceil(self.texels())
    }

    /// How many numbers it takes in an array on the device: columns of three have the room of four.
    pub fn numbers(self) -> usize {
        match self.streams() {
            few @ 1..=2 => few,
            _ => 4 * self.texels(),
        }
    }

    /// Where stream number `stream` lies among these.
    pub fn place(self, stream: usize) -> usize {
        stream / self.rows() * 4 + stream % self.rows()
    }
}

/// The two published forms of the adaptive network and of its initialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// First publication: residual scale fixed at one, gates start at random.
    V1,
    /// Revision: one trainable residual scale per layer from 0.1, gates start at one half.
    V2,
}

impl Variant {
    /// "v1" or "v2".
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(needs: &[&[usize]], axes: usize, laplacian: &[usize]) -> Result<Jet, String> {
        Jet::covering(needs.iter().map(|axes| MultiIndex::of(axes)), axes, laplacian)
    }

    #[test]
    fn the_cheapest_jet_is_taken() {
        for (needs, axes, laplacian, name) in [
            (&[&[][..]][..], 3, &[][..], "value"),
            (&[&[0], &[1]], 2, &[], "gradient"),
            (&[&[0], &[1]], 3, &[], "gradient"),
            (&[&[0]], 1, &[], "u_0"),
            (&[&[1]], 2, &[], "u_1"),
            (&[&[1]], 2, &[0], "second"),
            (&[], 2, &[0, 1], "second"),
            (&[], 5, &[0, 1, 2, 3, 4], "second_5d"),
            (&[], 3, &[0, 1, 2], "u_0_1_2_l012"),
            (&[&[0, 0, 0], &[1]], 2, &[], "u_1_000"),
            (&[&[0, 1]], 2, &[], "u_01"),
        ] {
            assert_eq!(of(needs, axes, laplacian).unwrap().name(), name, "{needs:?} {laplacian:?}");
        }
    }

    #[test]
    fn sets_are_closed_downwards_and_the_same_set_is_the_same_jet() {
        let plate = of(&[&[0, 0, 0, 0], &[0, 0, 1, 1], &[1, 1, 1, 1]], 2, &[]).unwrap();
        assert_eq!((plate.streams(), plate.order(), plate.axes(), plate.texels()), (13, 4, 2, 4));
        assert_eq!(plate, of(&[&[1, 1, 1, 1], &[0, 1, 0, 1], &[0, 0, 0, 0], &[1]], 2, &[]).unwrap());
        let list: Vec<String> = plate.list().iter().map(Stream::to_string).collect();
        assert_eq!(list[..6], ["u", "∂₀u", "∂₁u", "∂₀₀u", "∂₀₁u", "∂₁₁u"]);
        assert_eq!(list[10..], ["∂₀₀₀₀u", "∂₀₀₁₁u", "∂₁₁₁₁u"]);
        let all = [&[0, 1][..], &[0, 2], &[1, 2], &[0, 0], &[1, 1], &[2, 2]];
        assert_eq!(of(&all, 3, &[]).unwrap().streams(), 10);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mixed: Vec<Vec<usize>> = (0..5).flat_map(|a| (a..5).map(move |b| vec![a, b])).collect();
        let needs: Vec<&[usize]> = mixed.iter().map(Vec::as_slice).collect();
        let message = of(&needs, 5, &[]).unwrap_err();
        assert!(message.contains("21 numbers") && message.contains("holds 16"), "{message}");
        assert!(of(&[&[0, 0, 0, 0, 0]], 1, &[]).unwrap_err().contains("order 5"));
    }

    #[test]
    fn jets_are_joined() {
        let slope = of(&[&[0]], 2, &[]).unwrap();
        assert_eq!(Jet::joined(&[Jet::Value, Jet::Gradient], 2), Ok(Jet::Gradient));
        assert_eq!(Jet::joined(&[Jet::Second, slope, Jet::Value], 2), Ok(Jet::Second));
        assert_eq!(Jet::joined(&[slope, of(&[&[1]], 2, &[]).unwrap()], 2), Ok(Jet::Gradient));
        assert!(Jet::joined(&[Jet::Third, of(&[&[0, 0, 0]], 2, &[]).unwrap()], 2).is_err());
    }

    #[test]
    fn columns_are_as_short_as_they_can_be() {
        let rows = |n: usize| Jet::emitted(&[MultiIndex::of(&vec![0; n.min(5) - 1])], &[]).unwrap();
        assert_eq!([1, 2, 3, 4, 5].map(|n| rows(n).rows()), [1, 2, 3, 4, 3]);
        assert_eq!([1, 2, 3, 4, 5].map(|n| rows(n).numbers()), [1, 2, 4, 4, 8]);
        assert_eq!((0..5).map(|s| rows(5).place(s)).collect::<Vec<_>>(), [0, 1, 2, 4, 5]);
    }
}
