//! A training step as files: what a blueprint says, written down for any WebGPU implementation, and played from there.
//!
//! | part | is about |
//! |---|---|
//! | `schema` | `step.json` as structures, with every check that needs no device |
//! | `build`, `writer` | from the settings of a run to the document, and its pieces one by one |
//! | `folder` | the files, their sizes and hashes |
//! | `play` | the same step from files alone, on this program's own `gpu` |
//! | `page` | the page that plays it in a browser, and a site of several |

pub mod build;
pub mod folder;
pub mod page;
pub mod play;
pub mod schema;
mod writer;

pub use build::{Extent, Package, package, sheet};
pub use folder::Folder;
pub use play::Player;
pub use schema::Document;
