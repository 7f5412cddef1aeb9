//! The rules of differentiation for a set of streams that holds all lower derivatives of each, written out as WGSL: an
//! elementwise function (Faà di Bruno), a product (Leibniz) and the product's transpose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::math::{Jet, MultiIndex, Stream};

use super::jets::{named, packed, sum, unpack};

/// Products of derivatives, each a sorted list, with the number of partitions that lead to it.
type Monomials = BTreeMap<Vec<MultiIndex>, usize>;

/// y = f(z). Every derivative of y is a sum over the partitions of its axes: of k parts it has f⁽ᵏ⁾ times the derivatives
/// of z that the parts stand for. Products of slopes are shared.
pub(super) fn chain(jet: Jet) -> String {
    let (mut shared, mut lines) = (BTreeSet::new(), String::new());
    for stream in jet.list() {
        let sum = match stream {
            Stream::VALUE => "f.f0".into(),
            Stream::Derivative(index) => faa_di_bruno(index, &mut shared),
            Stream::Laplacian => laplacian_of_chain(jet, &mut shared),
            Stream::SlopeOfLaplacian(_) => unreachable!("no emitted jet has it"),
        };
        let _ = writeln!(lines, "    let {} = {sum};", named("y", stream));
    }
    let mut products = String::new();
    let mut shared: Vec<MultiIndex> = shared.into_iter().collect();
    shared.sort_by_key(|index| (index.order(), std::cmp::Reverse(*index)));
    for index in &shared {
        let (last, before) = split(*index);
        let name = |index: MultiIndex| if index.order() == 1 { format!("z_{index}") } else { format!("s_{index}") };
        let _ = writeln!(products, "    let s_{index} = {} * {};", name(before), name(last));
    }
    format!(
        "// y = f(z):  ∂ᵅy = Σ f⁽ᵏ⁾(z) ∂ᵝz ∂ᵞz …, over all partitions of α in k parts β, γ, …; s are products of slopes.\n\
         fn chain(f: Derivatives, z: Jet) -> Jet {{\n{}{products}{lines}{}}}\n",
        unpack(jet, "z", "z", |stream| stream != Stream::VALUE),
        packed(jet, "y")
    )
}

/// The last axis of an index, and what is before it.
fn split(index: MultiIndex) -> (MultiIndex, MultiIndex) {
    let axes = index.axes();
    let (last, before) = axes.split_last().expect("an index of order two or more");
    (MultiIndex::of(&[*last]), MultiIndex::of(before))
}

/// Notes that the product of slopes `index` is needed, and those that it is made of.
fn share(index: MultiIndex, shared: &mut BTreeSet<MultiIndex>) {
    if index.order() > 1 && shared.insert(index) {
        share(split(index).1, shared);
    }
}

fn faa_di_bruno(index: MultiIndex, shared: &mut BTreeSet<MultiIndex>) -> String {
    let mut by_parts: BTreeMap<usize, Monomials> = BTreeMap::new();
    for mut parts in partitions(&index.axes()) {
        parts.sort_unstable();
        *by_parts.entry(parts.len()).or_default().entry(parts).or_insert(0) += 1;
    }
    let mut terms = Vec::new();
    for (k, monomials) in by_parts {
        let sum: Vec<String> = monomials.iter().map(|(parts, count)| monomial(*count, parts, shared)).collect();
        let bare = sum.len() == 1 && !sum[0].contains(' ');
        terms.push(if bare { format!("f.f{k} * {}", sum[0]) } else { format!("f.f{k} * ({})", sum.join(" + ")) });
    }
    let between = if index.order() > 2 { "\n        + " } else { " + " };
    terms.join(between)
}

/// All ways to cut a list of axes into parts, each as the index of its derivative.
fn partitions(axes: &[usize]) -> Vec<Vec<MultiIndex>> {
    let Some((&last, before)) = axes.split_last() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for parts in partitions(before) {
        // the last axis joins one of the parts, or is one of its own
        for joined in 0..parts.len() {
            let mut parts = parts.clone();
            parts[joined] = parts[joined].raised(last);
            all.push(parts);
        }
        all.push(parts.into_iter().chain([MultiIndex::of(&[last])]).collect());
    }
    all
}

/// `count` times a product of derivatives of z, whose slopes are one shared product.
fn monomial(count: usize, parts: &[MultiIndex], shared: &mut BTreeSet<MultiIndex>) -> String {
    let (slopes, higher): (Vec<&MultiIndex>, Vec<&MultiIndex>) = parts.iter().partition(|index| index.order() == 1);
    let axes: Vec<usize> = slopes.iter().flat_map(|index| index.axes()).collect();
    let mut factors = Vec::new();
    if count > 1 {
        factors.push(format!("{count}.0"));
    }
    match axes.len() {
        0 => {}
        1 => factors.push(format!("z_{}", slopes[0])),
        _ => {
            let product = MultiIndex::of(&axes);
            share(product, shared);
            factors.push(format!("s_{product}"));
        }
    }
    factors.extend(higher.iter().map(|index| format!("z_{index}")));
    factors.join(" * ")
}

/// L f(z) = f′ Lz + f″ Σ cᵢ (∂ᵢz)².
fn laplacian_of_chain(jet: Jet, shared: &mut BTreeSet<MultiIndex>) -> String {
    let square = |axis: usize| {
        let square = MultiIndex::of(&[axis, axis]);
        share(square, shared);
        format!("LAPLACIAN[{axis}] * s_{square}")
    };
    let squares: Vec<String> = jet.laplacian_axes().into_iter().map(square).collect();
    format!("f.f1 * z_l + f.f2 * ({})", squares.join(" + "))
}

/// (α choose β), the product over the axes.
fn choose(of: MultiIndex, index: MultiIndex) -> usize {
    let along = |axis: usize| {
        let (n, k) = (of.along(axis), index.along(axis));
        (0..k).fold(1, |product, i| product * (n - i) / (i + 1))
    };
    (0..crate::math::multi_index::MAX_AXES).map(along).product()
}

/// c = a·b: every derivative of the product.
pub(super) fn multiply(jet: Jet) -> String {
    let mut lines = String::new();
    for stream in jet.list() {
        let terms = match stream {
            Stream::Derivative(index) => leibniz(index),
            Stream::Laplacian => laplacian_of_product(jet),
            Stream::SlopeOfLaplacian(_) => unreachable!("no emitted jet has it"),
        };
        let _ = writeln!(lines, "    let {} = {};", named("c", stream), sum(&terms));
    }
    format!(
        "// c = a b:  ∂ᵅc = Σ (α over β) ∂ᵝa ∂ᵅ⁻ᵝb, over all β ≤ α.\n\
         fn multiply(a: Jet, b: Jet) -> Jet {{\n{}{}{lines}{}}}\n",
        unpack(jet, "a", "a", |_| true),
        unpack(jet, "b", "b", |_| true),
        packed(jet, "c")
    )
}

fn at(letter: &str, index: MultiIndex) -> String {
    named(letter, Stream::Derivative(index))
}

fn leibniz(index: MultiIndex) -> Vec<String> {
    let mut terms = Vec::new();
    for first in index.divisors() {
        let second = index.without(first).expect("a divisor");
        let factor = match choose(index, first) {
            1 => String::new(),
            n => format!("{n}.0 * "),
        };
        // both orders of a pair at once
        if first == second {
            terms.push(format!("{factor}{} * {}", at("a", first), at("b", first)));
        } else if (first.order(), second) < (second.order(), first) {
            let both = [
                format!("{} * {}", at("a", first), at("b", second)),
                format!("{} * {}", at("b", first), at("a", second)),
            ];
            match factor.is_empty() {
                true => terms.extend(both),
                false => terms.push(format!("{factor}({})", both.join(" + "))),
            }
        }
    }
    terms
}

/// L(ab) = a Lb + b La + 2 Σ cᵢ ∂ᵢa ∂ᵢb. The constants are mostly 1 and −1, which cost nothing where they stand alone.
fn laplacian_of_product(jet: Jet) -> Vec<String> {
    let bend = |axis: usize| format!("LAPLACIAN[{axis}] * a_{axis} * b_{axis}");
    let bends: Vec<String> = jet.laplacian_axes().into_iter().map(bend).collect();
    vec!["a_v * b_l".into(), "b_v * a_l".into(), format!("2.0 * ({})", bends.join(" + "))]
}

/// The transpose of the product in its first factor.
pub(super) fn multiply_adjoint(jet: Jet) -> String {
    let mut lines = String::new();
    if !jet.laplacian_axes().is_empty() {
        lines.push_str("    let bend = 2.0 * c_l;\n");
    }
    for stream in jet.list() {
        let _ = writeln!(lines, "    let {} = {};", named("a", stream), sum(&cotangent(jet, stream)));
    }
    format!(
        "// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.\n\
         fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet {{\n{}{}{lines}{}}}\n",
        unpack(jet, "b", "b", |_| true),
        unpack(jet, "c_bar", "c", |_| true),
        packed(jet, "a")
    )
}

/// What `stream` of `a` adds to every stream of the product.
fn cotangent(jet: Jet, stream: Stream) -> Vec<String> {
    let Stream::Derivative(own) = stream else { return vec!["b_v * c_l".into()] };
    let mut terms = Vec::new();
    for of in jet.list() {
        match of {
            Stream::Derivative(index) => {
                let Some(rest) = index.without(own) else { continue };
                let factor = match choose(index, own) {
                    1 => String::new(),
                    n => format!("{n}.0 * "),
                };
                terms.push(format!("{factor}{} * {}", at("b", rest), at("c", index)));
            }
            Stream::Laplacian if own.order() == 0 => terms.push("b_l * c_l".into()),
            Stream::Laplacian if own.order() == 1 && jet.laplacian_axes().contains(&own.axes()[0]) => {
                terms.push(format!("LAPLACIAN[{0}] * bend * b_{0}", own.axes()[0]));
            }
            _ => {}
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_n_axes_has_as_many_partitions_as_bells_numbers_say() {
        let count = |axes: &[usize]| partitions(axes).len();
        assert_eq!(
            [count(&[]), count(&[0]), count(&[0, 1]), count(&[0, 0, 1]), count(&[0, 1, 2, 3])],
            [1, 1, 2, 5, 15]
        );
    }

    #[test]
    fn derivatives_of_a_function_are_those_of_the_textbook() {
        let mut shared = BTreeSet::new();
        let text = faa_di_bruno(MultiIndex::of(&[0, 0, 0, 0]), &mut shared);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[0], "f.f1 * z_0000");
        assert!(lines[1].contains("4.0 * z_0 * z_000") && lines[1].contains("3.0 * z_00 * z_00"), "{text}");
        assert_eq!(lines[2..], ["+ f.f3 * (6.0 * s_00 * z_00)", "+ f.f4 * s_0000"]);
        assert_eq!(shared.len(), 3);
    }

    #[test]
    fn derivatives_of_a_product_have_binomials() {
        assert_eq!(leibniz(MultiIndex::of(&[0, 0])), ["a_v * b_00", "b_v * a_00", "2.0 * a_0 * b_0"]);
        let mixed = leibniz(MultiIndex::of(&[0, 1]));
        assert_eq!(mixed, ["a_v * b_01", "b_v * a_01", "a_0 * b_1", "b_0 * a_1"]);
        assert_eq!(choose(MultiIndex::of(&[0, 0, 1, 1]), MultiIndex::of(&[0, 1])), 4);
    }
}
