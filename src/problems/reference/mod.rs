//! Reference solutions that no closed form gives. `assets/solutions` holds what takes long to compute, and the
//! program that computes it.

pub mod burgers;
pub mod cavity;
pub mod schrodinger;
