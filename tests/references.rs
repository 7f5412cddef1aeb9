//! The generators of the embedded reference solutions against what is embedded.

use acr_pinn_gpu::problems::{errors, reference};

#[path = "../assets/solutions/cavity.rs"]
mod cavity;
#[path = "../assets/solutions/schrodinger.rs"]
mod schrodinger;

/// The whole field, made again as `assets/README.md` says: rounding differs between machines, nothing else.
#[test]
fn the_embedded_schrodinger_field_is_what_its_generator_makes() {
    let levels = schrodinger::solve(256, 200, 100);
    let [u, v] = reference::schrodinger::solution();
    for (i, (u, v)) in u.chunks(201).zip(v.chunks(201)).enumerate() {
        for (j, h) in levels.iter().enumerate() {
            let distance = (u[j] - h.u[i]).hypot(v[j] - h.v[i]);
            assert!(distance < 1e-10, "h[{i}, {j}] = {} + {}i, embedded {} + {}i", h.u[i], h.v[i], u[j], v[j]);
        }
    }
}

/// Half the step of a method of fourth order leaves a sixteenth of the error.
#[test]
fn the_splitting_is_of_fourth_order() {
    let end = |steps| {
        let last = schrodinger::solve(32, 1, steps).pop().unwrap();
        [last.u, last.v].concat()
    };
    let exact = end(8000);
    let [coarse, fine] = [250, 500].map(|steps| errors(&end(steps), &exact).rel_l2);
    let ratio = coarse / fine;
    assert!((14.0..18.0).contains(&ratio), "errors {coarse:e} and {fine:e}, ratio {ratio}");
}

/// Grids of 66 and 99 intervals instead of 198 and 297, on every third node: 1e-3, nearly all of it beside the lid's
/// corners, is what they leave.
#[test]
fn the_embedded_cavity_flow_is_where_coarser_grids_lead() {
    let flow = reference::cavity::converged();
    let coarser = cavity::extrapolated(33, [2, 3]);
    for (name, found) in ["u", "v"].into_iter().zip(&coarser) {
        let embedded = flow.of(name).unwrap();
        let shared: Vec<f64> = (0..34 * 34).map(|node| embedded[300 * (node / 34) + 3 * (node % 34)]).collect();
        let distance = errors(found, &shared).rel_l2;
        assert!(distance < 2e-3, "{name}: {distance:e}");
    }
}
