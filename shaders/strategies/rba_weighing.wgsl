// Residual-based attention (Anagnostopoulos et al. 2024, arXiv 2307.00379): aₙ ← γ aₙ + η |rₙ| / max |r|, and aₙ² is the
// factor of |rₙ|². See src/strategies/rba.rs.
//
// provides: found, joined, factor
// expects:  recall_of, remember_of (weighing)

const MEMORY = 0.999;
const RATE = 0.001;
const LEAST = 1e-12;

fn found(sample: u32, square: f32, index: u32) -> f32 { return sqrt(square); }
fn joined(a: f32, b: f32) -> f32 { return max(a, b); }

fn factor(sample: u32, square: f32, index: u32, whole: f32) -> f32 {
    let before = select(recall_of(sample, 0u), 0.0, index == 0u);
    let a = MEMORY * before + RATE * sqrt(square) / max(whole, LEAST);
    remember_of(sample, 0u, a);
    return a * a;
}
