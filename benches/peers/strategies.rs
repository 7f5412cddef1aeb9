//! Gradient rows and what every strategy makes of them, as JSON, for `torchjd_rules.py`: the rows are those that kernels are
//! checked on (`lab::strategies`), the coefficients those of the f64 halves, which kernels are held against.
//!
//! `cargo run --release --example strategies -- 100`

use acr_pinn_gpu::lab::strategies::{orders, rows};
use acr_pinn_gpu::strategies::{ALL, Gram, Seen, Strategy};
use serde_json::json;

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let situations: Vec<_> = (0..count)
        .map(|situation| {
            let terms = 2 + situation % 3;
            let rows = rows(situation, terms);
            let gram = Gram::of(&rows);
            let seen = Seen::of(&rows, &vec![1.0; terms], &orders(situation, terms));
            let of = |strategy: &dyn Strategy| {
                let mut state = vec![0.0; strategy.state_length(terms)];
                (strategy.name().to_owned(), json!(strategy.coefficients(&gram, &seen, &mut state)))
            };
            json!({"rows": rows, "coefficients": ALL.iter().map(|s| of(*s)).collect::<serde_json::Map<_, _>>()})
        })
        .collect();
    serde_json::to_writer(std::io::stdout(), &situations).expect("standard output");
}
