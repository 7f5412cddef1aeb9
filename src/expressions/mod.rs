//! Expressions: what a residual, a known value or an exact solution is made of. They are written as text or with Rust's
//! operators, and from one statement follow its value over any number type, its derivatives, what it needs of the fields,
//! and its WGSL with the adjoint.
//!
//! ```
//! use acr_pinn_gpu::expressions::{Scope, parse};
//!
//! let names = |all: &[&str]| all.iter().map(|name| name.to_string()).collect();
//! let scope = Scope { axes: names(&["x", "t"]), fields: names(&["u"]), ..Scope::default() };
//! let burgers = parse("u_t + d(u^2/2, x) - 0.01*u_xx", &scope).unwrap();
//! assert_eq!(burgers.show(&scope).to_string(), "u_t + u*u_x - 0.01*u_xx");
//! ```

pub mod analysis;
mod derive;
mod display;
mod expr;
mod lexer;
mod parser;
mod program;
mod scope;
mod simplify;
mod split;
pub mod wgsl;

pub use expr::{Expr, Function, Leaf, Op};
pub use parser::{MAX_EXPONENT, MAX_LENGTH, MAX_NESTING, MAX_SIZE, ParseError, parse};
pub use program::Program;
pub use scope::Scope;
pub use split::{KNOWN, Known, split};

#[cfg(test)]
mod tests;
