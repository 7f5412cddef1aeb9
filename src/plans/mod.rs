//! How a training step is cut into kernels: residual networks, terms and strategies come in, a list of
//! dispatches goes out. Everything after the gradient slabs is shared by every plan.

mod candidates;
pub mod cut;
pub mod fused;
pub mod group;
pub mod packing;
pub mod predict;
pub mod prelude;
mod products;
pub mod settings;
pub mod staged;
pub mod step;
pub mod tile;
pub mod tune;
pub mod work;

pub use cut::default_tile;
pub use predict::Predictor;
pub use settings::Settings;
pub use step::{Plan, Setup, Step};
pub use tile::Tile;
pub use tune::{Tuned, tune};

/// Every plan, in the order `list` prints them.
pub static ALL: &[&dyn Plan] = &[&fused::Fused, &staged::Layered, &staged::Unfused];

/// The plan called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Plan, String> {
    ALL.iter().copied().find(|plan| plan.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|plan| plan.name()).collect();
        crate::math::names::unknown("plan", name, &known)
    })
}
