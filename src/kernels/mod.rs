//! How a training step becomes kernels: residual, network, terms and strategy come in, a list of dispatches goes out.
//! Everything after the gradient slabs is shared by every plan.

mod backward;
pub mod blueprint;
mod candidates;
mod forward;
pub mod gpu;
pub mod group;
mod jet_algebra;
pub mod jets;
pub mod linking;
pub mod matrix;
pub mod network;
pub mod packing;
pub mod plans;
pub mod predict;
pub mod prelude;
pub mod raster;
pub mod residuals;
pub mod settings;
pub mod sides;
pub mod step;
pub mod target;
pub mod tile;
pub mod tune;
pub mod work;

pub use blueprint::Blueprint;
pub use plans::{ALL, Fused, Layered, Plan, Unfused, find};
pub use predict::{Prediction, Predictor};
pub use settings::Settings;
pub use sides::Square;
pub use step::{Setup, Step, names};
pub use tile::{Tile, default_tile};
pub use tune::{Tuned, tune};
