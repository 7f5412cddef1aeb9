//! Adapters, buffers, kernels and dispatches: everything this crate wants of a GPU, and the only place
//! that names `wgpu` or `ash`. It knows nothing of networks or equations and would serve any other program.

mod adapter;
mod buffer;
mod capabilities;
mod choice;
mod defects;
mod executables;
mod health;
mod kernel;
mod limits;
mod loader;
mod patience;
mod record;
mod slip;
mod timer;
mod vectors;

pub use adapter::{Adapters, Gpu, Record};
pub use buffer::Buffer;
pub use capabilities::Capabilities;
pub use choice::{Choice, Chosen};
pub use executables::{Executable, Reports, reports};
pub use kernel::{Dispatch, Kernel, Part, Reflection, Resource, join};
pub use loader::{Loader, Manifest};
pub use patience::Preparing;
pub use slip::{Walk, barriers};
pub use vectors::{IMAGE_ROW_BITS, Image, Vectors};
