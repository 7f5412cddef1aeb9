//! The generators of the embedded reference solutions against what is embedded.

use acr_pinn_gpu::problems::{errors, reference};

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
