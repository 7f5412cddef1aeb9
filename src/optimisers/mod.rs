//! How the combined gradient moves the parameters. Each optimiser states it twice: in f64, and as kernels in f32.

pub mod adam;
pub mod soap;

pub use adam::{Adam, Moments};
pub use soap::Soap;

use std::fmt;

use crate::math::names;
use crate::networks::{Layout, Slot};

/// Every optimiser, in the order `list` prints them.
pub static ALL: &[&dyn Optimiser] = &[&Adam, &Soap];

/// Keeps divisions by √v̂ finite.
pub const EPSILON: f64 = 1e-8;

/// The optimiser called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Optimiser, String> {
    ALL.iter().copied().find(|optimiser| optimiser.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|optimiser| optimiser.name()).collect();
        names::unknown("optimiser", name, &known)
    })
}

/// Over what the threads of a kernel go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One per parameter.
    Parameters,
    /// One per block of 4 × 4 entries of the square matrices that are kept for sides.
    Blocks,
    /// The same without blocks below the diagonal.
    UpperBlocks,
    /// One per cell of 4 × 4 parameters of the tensors with bases, one per parameter of others.
    Cells,
    /// A workgroup per side.
    Sides,
}

/// A kernel of an update.
pub struct Kernel {
    /// Its entry point, and its file in `shaders/optimisers/`.
    pub label: &'static str,
    pub text: &'static str,
    /// What it computes.
    pub equation: &'static str,
    pub threads: Threads,
    /// Whether it renews bases, and has nothing to do in steps between two renewals.
    pub renews: bool,
}

/// From the combined gradient to new parameters.
pub trait Optimiser: Sync {
    /// The public name: "adam" or "soap".
    fn name(&self) -> &'static str;
    /// The title of lists.
    fn title(&self) -> &'static str;
    /// β₁ and β₂ where none are asked for.
    fn betas(&self) -> [f64; 2];
    /// Steps between two renewals of its bases where none are asked for; nothing if it has no bases.
    fn frequency(&self) -> Option<u64> {
        None
    }
    /// Whether rows and columns of a tensor are turned into a basis of their own.
    fn turns(&self, _tensor: &Slot) -> [bool; 2] {
        [false; 2]
    }
    /// Its kernels, in the order in which they run.
    fn kernels(&self) -> &'static [Kernel];
    /// The same in f64, before the first step.
    fn start(&self, layout: &Layout, optimisation: &Optimisation) -> Box<dyn Update>;
}

impl fmt::Debug for dyn Optimiser {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for dyn Optimiser {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// An optimiser at work in f64.
pub trait Update {
    /// One step.
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64);
}

/// An optimiser with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimisation {
    pub optimiser: &'static dyn Optimiser,
    /// Decay rates of the moments, the first and the second.
    pub betas: [f64; 2],
    /// Steps between two renewals of the bases.
    pub frequency: u64,
}

impl Optimisation {
    /// The optimiser with its own numbers.
    pub fn of(optimiser: &'static dyn Optimiser) -> Self {
        Self { optimiser, betas: optimiser.betas(), frequency: optimiser.frequency().unwrap_or(1) }
    }

    /// The same in f64, before the first step.
    pub fn start(&self, layout: &Layout) -> Box<dyn Update> {
        self.optimiser.start(layout, self)
    }
}

/// Adam, as in the paper.
impl Default for Optimisation {
    fn default() -> Self {
        Self::of(&Adam)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_named() {
        assert!(find("sopa").err().unwrap().contains("did you mean `soap`"));
    }
}
