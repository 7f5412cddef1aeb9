//! How a training step is cut into kernels: residual networks, terms and strategies come in, a list of
//! dispatches goes out. Everything after the gradient slabs is shared by every plan.

pub mod fused;
pub mod packing;
pub mod predict;
pub mod prelude;
pub mod step;
pub mod tile;

pub use predict::Predictor;
pub use step::{Plan, Setup, Step};
pub use tile::Tile;
