// Numbers of the problem that are trained beside the network: their values, and the sums of their cotangents over all points
// of a workgroup.
//
// provides: Unknowns, unknown, note_unknowns, keep_unknowns
// expects:  weight, keep_slab, thread_barrier, slab_at (target); sum_over_threads (tile); unknowns_adjoint (residuals);
//           UNKNOWNS, UNKNOWNS_AT, SLAB_UNKNOWNS_AT (prelude)

alias Unknowns = array<f32, UNKNOWNS>;

var<private> unknowns_bar: Unknowns;                   // of this thread's points

fn unknown(i: u32) -> f32 { return weight(UNKNOWNS_AT + i).x; }

fn note_unknowns(term: u32, u: Fields, data: vec4f, r_bar: vec4f) {
    var bar = unknowns_adjoint(term, u, data, r_bar);
    for (var i = 0u; i < UNKNOWNS; i++) { unknowns_bar[i] += bar[i]; }
}

fn keep_unknowns(local: u32) {
    for (var i = 0u; i < UNKNOWNS; i++) {
        thread_barrier();                              // the sum before has been read
        let sum = sum_over_threads(local, unknowns_bar[i]);
        if local == 0u { keep_slab(slab_at + SLAB_UNKNOWNS_AT + i, vec4f(sum, 0.0, 0.0, 0.0)); }
    }
}
