//! Which derivative streams travel through a network together, and which published form it has.

/// The set of derivatives of a field carried at a point; one file of `shaders/jets` each.
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
}

impl Jet {
    /// Every jet, in increasing order of derivative.
    pub const ALL: [Self; 5] = [Self::Value, Self::Gradient, Self::Second, Self::Second5d, Self::Third];

    /// The stem of its shader file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Gradient => "gradient",
            Self::Second => "second",
            Self::Second5d => "second_5d",
            Self::Third => "third",
        }
    }

    /// The highest derivative in it.
    pub const fn order(self) -> usize {
        match self {
            Self::Value => 0,
            Self::Gradient => 1,
            Self::Second | Self::Second5d => 2,
            Self::Third => 3,
        }
    }

    /// The number of coordinates it has derivatives along; a value knows no coordinates and counts as two.
    pub const fn axes(self) -> usize {
        match self {
            Self::Value | Self::Gradient | Self::Second | Self::Third => 2,
            Self::Second5d => 5,
        }
    }

    /// How many numbers it holds.
    pub const fn streams(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Gradient => 3,
            Self::Second => 4,
            Self::Second5d => 7,
            Self::Third => 8,
        }
    }

    /// How many vectors of four it fills.
    pub const fn texels(self) -> usize {
        self.streams().div_ceil(4)
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
