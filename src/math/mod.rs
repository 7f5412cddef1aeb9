//! The mathematics everything else rests on: number types that differentiate themselves, counter-based
//! random numbers, sampling and schedules. Knows no equation, no network and no GPU.

pub mod dual;
pub mod jet;
pub mod multi_index;
pub mod names;
pub mod numpy;
pub mod portable;
pub mod real;
pub mod rng;
pub mod sampling;
pub mod schedule;
pub mod statistics;
pub mod streams;
pub mod tape;

pub use dual::Dual;
pub use jet::{Jet, Variant};
pub use multi_index::MultiIndex;
pub use real::Real;
pub use schedule::Schedule;
pub use streams::Stream;
pub use tape::Var;
