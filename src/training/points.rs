//! Points that a user gives: `points.safetensors` for `gradients`, one tensor per point set, and for `evaluate`,
//! one list.

use safetensors::SafeTensors;

use crate::problems::{Axis, Problem};

use super::model::{numbers, open};

/// Larger than any such file.
pub const CAP: u64 = 1 << 30;

/// Points of every set of `problem` in its order, flat [n, axes].
///
/// # Errors
/// Names the tensor that is missing, unknown, empty, of another shape or not finite.
pub fn sets(problem: &dyn Problem, bytes: &[u8]) -> Result<Vec<Vec<f32>>, String> {
    let (file, _) = open(bytes)?;
    let names: Vec<_> = problem.sets().iter().map(|set| set.name).collect();
    if let Some(extra) = file.names().iter().find(|name| !names.contains(name)) {
        let known = names.join("`, `");
        return Err(format!("tensor `{extra}` is no point set of `{}`: it has `{known}`", problem.name()));
    }
    names.iter().map(|name| tensor(&file, name, problem)).collect()
}

/// The tensor `points`, flat [n, axes].
///
/// # Errors
/// As [`sets`].
pub fn list(problem: &dyn Problem, bytes: &[u8]) -> Result<Vec<f32>, String> {
    tensor(&open(bytes)?.0, "points", problem)
}

/// How many of these points lie outside the problem's domain, and which is the first, in words; none if all are inside.
pub fn outside(problem: &dyn Problem, points: &[f32]) -> Option<(usize, String)> {
    let axes = problem.axes();
    // an end such as π has no exact neighbour in 32 bits
    let beyond = |axis: &Axis, x: f64| {
        let slack = 1e-6 * (axis.upper - axis.lower);
        x < axis.lower - slack || x > axis.upper + slack
    };
    let first_beyond = |point: &[f32]| {
        let mut pairs = axes.iter().zip(point);
        pairs.find(|(axis, x)| beyond(axis, f64::from(**x))).map(|(axis, x)| (axis.clone(), *x))
    };
    let found: Vec<_> = points.chunks_exact(axes.len()).map(first_beyond).collect();
    let (number, (axis, x)) = found.iter().enumerate().find_map(|(i, found)| Some((i, found.clone()?)))?;
    let count = found.iter().flatten().count();
    let (name, lower, upper) = (axis.name, axis.lower, axis.upper);
    let what = format!(
        "{count} of {} points lie outside the domain, where nothing was trained; the first is number {number} with \
         {name} = {x}, and {name} goes from {lower} to {upper}",
        found.len()
    );
    Some((count, what))
}

fn tensor(file: &SafeTensors, name: &str, problem: &dyn Problem) -> Result<Vec<f32>, String> {
    let axes = problem.axes().len();
    let tensor = file.tensor(name).map_err(|_| {
        let is_model = file.names().iter().any(|name| name.ends_with(".weight"));
        let what = if is_model { ": this is a model, so name a file of points instead" } else { "" };
        format!("tensor `{name}` [n, {axes}] is missing{what}")
    })?;
    match tensor.shape().first() {
        None | Some(0) => Err(format!("tensor `{name}` is empty: at least one point is needed")),
        Some(&n) => numbers(name, &tensor, &[n, axes]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::KleinGordon;
    use crate::training::tensors::{Tensor, serialize};
    use safetensors::tensor::Dtype;
    use std::collections::BTreeMap;

    /// Points carry no checksum, because anybody may write them. What damage can do: a number, or the number of
    /// points, is another one; names, shapes and finite numbers are checked.
    #[test]
    fn damage_is_noticed_or_gives_other_finite_points_of_the_right_shape() {
        let problem = &KleinGordon::DEFAULT;
        let tensor = |name: &str| {
            let numbers = [0.25_f32, 0.5, -0.75, 1.0];
            let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
            Tensor { name: name.to_owned(), dtype: Dtype::F32, shape: vec![2, 2], bytes: bytes.into() }
        };
        let bytes = serialize(&["pde", "bc", "ic"].map(tensor), &BTreeMap::new());
        let good = sets(problem, &bytes).unwrap();
        assert_eq!(good.len(), 3);
        let numbers = bytes.len() - 3 * 16;
        for at in 0..bytes.len() {
            assert!(sets(problem, &bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                let Ok(read) = sets(problem, &broken) else { continue };
                let finite = read.iter().flatten().all(|x| x.is_finite());
                assert!(finite && read.iter().all(|set| set.len() % 2 == 0 && !set.is_empty()), "byte {at}");
                // damage to names, shapes or offsets does not move a number
                assert!(at >= numbers || read == good, "byte {at} bit {bit}");
            }
        }
    }
}
