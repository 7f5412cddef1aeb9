//! The sizes that a step's kernels are written with: one structure for each target, and the choice between them.

use crate::gpu::{Capabilities, Gpu};

use super::gpu;
use super::raster;
use super::step::Setup;
use super::target::Target;

/// A target with its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tile {
    /// For graphics cards and every WebGPU implementation.
    Gpu(gpu::Gpu),
    /// For software rendering.
    Raster(raster::Raster),
}

/// The targets by name.
pub const TARGETS: [(&str, &str); 2] = [
    ("gpu", "graphics cards and every WebGPU implementation: many threads with few rows each"),
    ("raster", "software rendering: one subgroup does all rows of its points"),
];

/// Whether there is a target called `name`; the error says what was probably meant.
///
/// # Errors
/// There is none.
pub fn known(name: &str) -> Result<(), String> {
    let names = TARGETS.map(|(name, _)| name);
    if names.contains(&name) { Ok(()) } else { Err(crate::math::names::unknown("target", name, &names)) }
}

impl Tile {
    /// What kernels are written for.
    pub fn target(&self) -> &dyn Target {
        match self {
            Tile::Gpu(tile) => tile,
            Tile::Raster(tile) => tile,
        }
    }

    /// The choice without measuring: for software `raster`, where its subgroups allow it, unless another is asked for.
    pub fn default_for(offered: &Capabilities, setup: &Setup) -> Tile {
        let own = if offered.software { "raster" } else { "gpu" };
        let wanted = offered.target.as_deref().unwrap_or(own);
        Tile::of_target(wanted, offered, setup).unwrap_or_else(|| Tile::Gpu(sizes_of_gpu(offered, setup)))
    }

    /// The default of the target called `name`; none where it cannot run on such an adapter.
    pub fn of_target(name: &str, offered: &Capabilities, setup: &Setup) -> Option<Tile> {
        match name {
            "raster" => {
                let (width, streams) = (setup.shape.width, setup.jet().streams());
                raster::Raster::default_for(offered, width, streams).map(Tile::Raster)
            }
            _ => Some(Tile::Gpu(sizes_of_gpu(offered, setup))),
        }
    }
}

fn sizes_of_gpu(offered: &Capabilities, setup: &Setup) -> gpu::Gpu {
    gpu::Gpu::default_for(offered, setup.shape.width, setup.jet().streams())
}

/// The tile of `setup` on `gpu` where nothing else is asked for.
pub fn default_tile(gpu: &Gpu, setup: &Setup) -> Tile {
    Tile::default_for(&gpu.capabilities(), setup)
}
