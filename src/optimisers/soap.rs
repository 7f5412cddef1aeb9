//! SOAP: Adam in the eigenbases of Shampoo (Vyas and others 2024, arXiv 2409.11321; for PINNs Wang and others 2025,
//! arXiv 2502.00604). For a weight matrix with gradient G [m × n]:
//!
//! ```text
//! M ← β₁ M + (1 − β₁) G
//! L ← β₂ L + (1 − β₂) G Gᵀ,  R ← β₂ R + (1 − β₂) Gᵀ G         covariances of rows and columns
//! Q_L ← orthonormal columns of L Q_L, Q_R likewise            every `frequency` steps, the first step included
//! G′ = Q_Lᵀ G Q_R,  M′ = Q_Lᵀ M Q_R
//! V ← β₂ V + (1 − β₂) G′²                                      V stays in the eigenbases
//! W ← W − η Q_L (M̂′ / (√V̂ + ε′)) Q_Rᵀ
//! ```
//!
//! Biases, trained scales and unknowns take Adam's step: their bases are the identity. So does a side of one row or column,
//! and one longer than [`LARGEST`].
//!
//! Choices that the paper leaves open:
//!
//! * Bases begin as the identity and are renewed before they are used, so there is no step without an update and no
//!   eigensolver. An iteration of `L Q` by Gram–Schmidt is one step of orthogonal iteration; its columns come out by falling
//!   eigenvalues, so nothing is sorted, and V stays with its column.
//! * G has fewer directions than rows and columns at first, and `L Q` then has columns of rounding errors. A column is
//!   therefore `L q / tr L + SHIFT q`: where L says nothing, a direction stays as it is. Gram–Schmidt runs twice, because
//!   its first result is not orthogonal when columns were nearly dependent.
//! * Where the gradient has no part, G′ is rounding error, in f32 a ten-millionth of ‖G‖, which Adam would blow up to a full
//!   step in a direction of chance. Hence ε′ = ε + REST √(tr L̂): the trace is the mean of ‖G‖².

use super::{EPSILON, Kernel, Moments, Optimisation, Optimiser, Threads, Update};
use crate::networks::{Layout, Slot};

/// Adam in eigenbases.
pub struct Soap;

/// The longest side that gets a basis: Gram–Schmidt of a longer one would take more loop trips than some drivers allow,
/// and longer than the rest of the step.
pub const LARGEST: usize = 160;

/// What of a direction stays when its covariance says nothing, in units of the trace.
pub const SHIFT: f64 = 1e-6;

/// Parts of the gradient smaller than this, in units of its length, are not blown up.
pub const REST: f64 = 1e-6;

macro_rules! kernel {
    ($label:literal, $equation:literal, $threads:ident) => {
        Kernel {
            label: $label,
            text: include_str!(concat!("../../shaders/optimisers/", $label, ".wgsl")),
            equation: $equation,
            threads: Threads::$threads,
            renews: false,
        }
    };
}

const fn renewing(kernel: Kernel) -> Kernel {
    Kernel { renews: true, ..kernel }
}

static KERNELS: [Kernel; 10] = [
    kernel!("momentum", "G = Σ cₖ gₖ, M ← β₁ M + (1 − β₁) G", Parameters),
    kernel!("covariances", "L ← β₂ L + (1 − β₂) G Gᵀ, R ← β₂ R + (1 − β₂) Gᵀ G", UpperBlocks),
    renewing(kernel!("power", "A = L Q / tr L + SHIFT Q", Blocks)),
    renewing(kernel!("orthonormal", "Q ← orthonormal columns of A", Sides)),
    renewing(kernel!("orthonormal", "Q ← orthonormal columns of A", Sides)),
    kernel!("turn_rows", "Q_Lᵀ G, Q_Lᵀ M", Cells),
    kernel!("turn_columns", "G′, M′, V, and the step U = M̂′ / (√V̂ + ε′)", Cells),
    kernel!("turn_back", "Q_L U", Cells),
    kernel!("apply", "W ← W − η Q_L U Q_Rᵀ", Cells),
    kernel!("pack", "packed copies of W", Parameters),
];

impl Optimiser for Soap {
    fn name(&self) -> &'static str {
        "soap"
    }
    fn title(&self) -> &'static str {
        "SOAP: Adam in the eigenbases of each weight matrix's gradients"
    }
    fn betas(&self) -> [f64; 2] {
        [0.95, 0.95]
    }
    fn frequency(&self) -> Option<u64> {
        Some(10)
    }
    fn turns(&self, tensor: &Slot) -> [bool; 2] {
        let turned = |length: usize| tensor.trained && (2..=LARGEST).contains(&length);
        match tensor.shape[..] {
            [rows, columns] => [turned(rows), turned(columns)],
            _ => [false; 2],
        }
    }
    fn kernels(&self) -> &'static [Kernel] {
        &KERNELS
    }
    fn start(&self, layout: &Layout, optimisation: &Optimisation) -> Box<dyn Update> {
        Box::new(State::new(layout, optimisation))
    }
}

/// Covariance and basis of one side of a matrix.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    /// Rows and columns, both of this length.
    length: usize,
    covariance: Vec<f64>,
    /// Vector after vector.
    basis: Vec<f64>,
}

/// A weight matrix, row by row.
#[derive(Clone, Debug)]
struct Matrix {
    rows: usize,
    columns: usize,
    entries: Vec<f64>,
}

impl Matrix {
    fn of(slot: &Slot, all: &[f64]) -> Matrix {
        Matrix { rows: slot.rows(), columns: slot.columns(), entries: all[slot.range()].to_vec() }
    }

    fn transposed(&self) -> Matrix {
        let entry = |i: usize| self.entries[i % self.rows * self.columns + i / self.rows];
        Matrix { rows: self.columns, columns: self.rows, entries: (0..self.entries.len()).map(entry).collect() }
    }

    /// A Aᵀ.
    fn square(&self) -> Vec<f64> {
        let row = |i: usize| &self.entries[i * self.columns..][..self.columns];
        (0..self.rows * self.rows).map(|at| inner(row(at / self.rows), row(at % self.rows))).collect()
    }

    /// B A, with B [rows × rows] row by row.
    fn times(&self, b: &[f64]) -> Matrix {
        let columns = self.transposed();
        let column = |j: usize| &columns.entries[j * self.rows..][..self.rows];
        let entry = |at: usize| inner(&b[at / self.columns * self.rows..][..self.rows], column(at % self.columns));
        Matrix { entries: (0..self.entries.len()).map(entry).collect(), ..*self }
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Side {
    fn new(length: usize) -> Side {
        let identity = (0..length * length).map(|at| f64::from(u8::from(at / length == at % length)));
        Side { length, covariance: vec![0.0; length * length], basis: identity.collect() }
    }

    fn trace(&self) -> f64 {
        self.covariance.iter().step_by(self.length + 1).sum()
    }

    /// Takes in the rows of a gradient.
    fn see(&mut self, gradient: &Matrix, beta: f64) {
        for (own, new) in self.covariance.iter_mut().zip(gradient.square()) {
            *own = beta * *own + (1.0 - beta) * new;
        }
    }

    /// One step of orthogonal iteration.
    fn renew(&mut self) {
        let (n, trace) = (self.length, self.trace());
        if trace < LEAST_TRACE {
            return;
        }
        let mut vectors: Vec<Vec<f64>> = self.basis.chunks(n).map(<[f64]>::to_vec).collect();
        for q in &mut vectors {
            let product = self.covariance.chunks(n).map(|row| inner(row, q) / trace);
            *q = product.zip(q.iter()).map(|(a, q)| a + SHIFT * q).collect();
        }
        for _ in 0..2 {
            orthonormalise(&mut vectors);
        }
        self.basis = vectors.concat();
    }

    /// Qᵀ A, or Q A.
    fn turn(&self, a: &Matrix, back: bool) -> Matrix {
        let basis = Matrix { rows: self.length, columns: self.length, entries: self.basis.clone() };
        a.times(&if back { basis.transposed() } else { basis }.entries)
    }
}

/// Below this there is nothing to see, and squares would underflow in f32.
pub const LEAST_TRACE: f64 = 1e-30;

/// Gram–Schmidt, column after column taken out of those behind it.
fn orthonormalise(vectors: &mut [Vec<f64>]) {
    for k in 0..vectors.len() {
        let (before, behind) = vectors.split_at_mut(k + 1);
        let q = &mut before[k];
        let length = inner(q, q).sqrt();
        q.iter_mut().for_each(|x| *x /= length);
        for a in behind {
            let part = inner(q, a);
            a.iter_mut().zip(q.iter()).for_each(|(a, q)| *a -= part * q);
        }
    }
}

/// SOAP in f64.
struct State {
    moments: Moments,
    frequency: u64,
    /// Every tensor of the layout with its sides.
    tensors: Vec<(Slot, [Option<Side>; 2])>,
}

impl State {
    fn new(layout: &Layout, optimisation: &Optimisation) -> State {
        let sides = |slot: &Slot| {
            let [left, right] = Soap.turns(slot);
            [left.then(|| Side::new(slot.rows())), right.then(|| Side::new(slot.columns()))]
        };
        State {
            moments: Moments::new(layout.len, optimisation.betas),
            frequency: optimisation.frequency,
            tensors: layout.slots.iter().map(|slot| (slot.clone(), sides(slot))).collect(),
        }
    }
}

/// `a` with rows and columns in the eigenbases, or from there.
fn turned(sides: &[Option<Side>; 2], a: Matrix, back: bool) -> Matrix {
    let [left, right] = sides;
    let a = left.as_ref().map_or(a.clone(), |side| side.turn(&a, back));
    right.as_ref().map_or(a.clone(), |side| side.turn(&a.transposed(), back).transposed())
}

impl Update for State {
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64) {
        let moments = &mut self.moments;
        let renewing = (moments.updates as u64).is_multiple_of(self.frequency);
        moments.updates += 1;
        let ([beta1, beta2], [first, second]) = (moments.betas, moments.corrections());
        for (m, g) in moments.m.iter_mut().zip(gradient) {
            *m = beta1 * *m + (1.0 - beta1) * g;
        }
        for (slot, sides) in &mut self.tensors {
            let g = Matrix::of(slot, gradient);
            for (side, seen) in sides.iter_mut().zip([g.clone(), g.transposed()]) {
                if let Some(side) = side {
                    side.see(&seen, beta2);
                    if renewing {
                        side.renew();
                    }
                }
            }
            let length = sides.iter().flatten().next().map_or(0.0, |side| (side.trace() / second).sqrt());
            let [g, m] = [g, Matrix::of(slot, &moments.m)].map(|a| turned(sides, a, false));
            let mut step = m.clone();
            let v = &mut moments.v[slot.range()];
            for (i, (g, m)) in g.entries.iter().zip(&m.entries).enumerate() {
                v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
                step.entries[i] = m / first / ((v[i] / second).sqrt() + EPSILON + REST * length);
            }
            let step = turned(sides, step, true);
            parameters[slot.range()].iter_mut().zip(&step.entries).for_each(|(w, u)| *w -= rate * u);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Adam;
    use super::*;

    /// Numbers without a pattern.
    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| (12.9898 * (i + 1) as f64 + 78.233 * seed as f64).sin() * 43_758.545 % 1.0).collect()
    }

    fn layout(rows: usize, columns: usize) -> Layout {
        let mut layout = Layout::default();
        layout.push_linear("a", rows, columns);
        layout
    }

    fn matrix(rows: usize, columns: usize, seed: usize) -> Matrix {
        Matrix { rows, columns, entries: numbers(rows * columns, seed) }
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < tolerance, "{worst:e}: {a:?} and {b:?}");
    }

    /// Also of matrices with fewer directions than columns, and of none at all.
    #[test]
    fn bases_stay_orthonormal() {
        for columns in [0, 1, 3, 9] {
            let mut side = Side::new(7);
            side.see(&matrix(7, columns, columns), 0.5);
            for _ in 0..5 {
                side.renew();
            }
            let basis = Matrix { rows: 7, columns: 7, entries: side.basis.clone() };
            close(&basis.square(), &Side::new(7).basis, 1e-13);
        }
    }

    #[test]
    fn renewals_diagonalise() {
        let mut side = Side::new(4);
        side.see(&matrix(4, 6, 3), 0.0);
        for _ in 0..400 {
            side.renew();
        }
        let covariance = Matrix { rows: 4, columns: 4, entries: side.covariance.clone() };
        let diagonal = turned(&[Some(side.clone()), Some(side.clone())], covariance, false).entries;
        let eigenvalues: Vec<f64> = diagonal.iter().step_by(5).copied().collect();
        assert!(eigenvalues.is_sorted_by(|a, b| a >= b), "{eigenvalues:?}");
        let wanted: Vec<f64> = (0..16).map(|at| if at % 5 == 0 { diagonal[at] } else { 0.0 }).collect();
        close(&diagonal, &wanted, 1e-9);
    }

    /// A bias takes Adam's step, and so does a matrix whose bases are never renewed.
    #[test]
    fn with_the_identity_for_bases_it_is_adam() {
        let layout = layout(3, 4);
        let betas = Soap.betas();
        let mut soap = State::new(&layout, &Optimisation { frequency: u64::MAX, ..Optimisation::of(&Soap) });
        soap.moments.updates = 1;
        let mut adam = Moments { updates: 1, ..Moments::new(layout.len, betas) };
        let mut parameters = [numbers(layout.len, 1), numbers(layout.len, 1)];
        for step in 0..5 {
            let gradient = numbers(layout.len, 10 + step);
            soap.update(&mut parameters[0], &gradient, 0.1);
            adam.update(&mut parameters[1], &gradient, 0.1);
        }
        // up to REST
        close(&parameters[0], &parameters[1], 1e-4);
        close(&parameters[0][12..], &parameters[1][12..], 1e-15);
        assert_eq!(Adam.turns(&layout.slots[0]), [false; 2]);
    }

    /// Turning the gradients of a matrix turns its steps, once the bases are eigenbases.
    #[test]
    fn steps_turn_with_the_gradients() {
        let (rows, columns) = (3, 4);
        let layout = layout(rows, columns);
        let mut turn = Side::new(rows);
        turn.see(&matrix(rows, rows, 8), 0.0);
        (0..50).for_each(|_| turn.renew());
        let end = |turned: bool| {
            let mut state = State::new(&layout, &Optimisation { frequency: 1, ..Optimisation::of(&Soap) });
            let turn = |a: Matrix| if turned { turn.turn(&a, false) } else { a };
            let (eigen, gradient) = (turn(matrix(rows, columns, 5)), turn(matrix(rows, columns, 6)));
            for (side, a) in state.tensors[0].1.iter_mut().flatten().zip([eigen.clone(), eigen.transposed()]) {
                side.see(&a, 0.0);
                (0..2000).for_each(|_| side.renew());
            }
            state.frequency = u64::MAX;
            state.moments.updates = 1;
            let mut parameters = vec![0.0; layout.len];
            state.update(&mut parameters, &[gradient.entries, vec![0.0; rows]].concat(), 1.0);
            Matrix { rows, columns, entries: parameters[..rows * columns].to_vec() }
        };
        close(&end(true).entries, &turn.turn(&end(false), false).entries, 1e-9);
    }

    #[test]
    fn long_sides_and_single_rows_keep_their_coordinates() {
        let of = |rows, columns| Soap.turns(&layout(rows, columns).slots[0]);
        assert_eq!(of(1, 16), [false, true]);
        assert_eq!(of(50, 150), [true, true]);
        assert_eq!(of(64, 192), [true, false]);
        assert_eq!(Soap.turns(&layout(3, 4).slots[1]), [false, false]);
    }
}
