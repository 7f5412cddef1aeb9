//! Adapters, buffers, kernels and dispatches: everything this crate wants of a GPU, and the only place
//! that names `wgpu`. It knows nothing of networks or equations and would serve any other program.

mod adapter;
mod buffer;
mod choice;
mod defects;
mod health;
mod kernel;
mod limits;
mod loader;
mod record;
mod slip;
mod timer;
mod vectors;

pub use adapter::{Adapters, Gpu, Record};
pub use buffer::Buffer;
pub use choice::{Choice, Chosen};
pub use kernel::{Dispatch, Kernel, Part, Resource};
pub use loader::{Loader, Manifest};
pub use vectors::{IMAGE_ROW_BITS, Image, Vectors};
