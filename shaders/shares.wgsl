// Which term on which of its point sets a workgroup serves, and what stands between the two ways through the network: the
// residual and its adjoint.
//
// provides: Share, Assigned, assigned, load_tile, residuals, finish
// expects:  residual, residual_adjoint (residuals); note_unknowns, keep_unknowns (unknowns); tile; jets; SHARE_SLOTS, KERNEL_SHARES, FIRST_WORKGROUP, TILES, PAIRED,
//           UNKNOWNS (prelude)

struct Share {              // a term on one of its point sets
    first_point: u32,       // where the points begin
    first_sample: u32,      // where their data begin
    count: u32,             // how many there are
    first_workgroup: u32,   // which workgroups serve them: from this one, counted over all kernels
    weight: f32,            // 1/count: a mean (how terms are weighted against each other is decided with their gradients)
    term: u32,              // the term's place among the problem's
    partner_axis: u32,      // where points have partners, see Partner in tile.wgsl
    partner_at: f32,
}

@group(0) @binding(0) var<uniform> shares: array<Share, SHARE_SLOTS>;       // those of this kernel, then padding
@group(0) @binding(1) var<storage, read> points: array<f32>;                // [point][axis], physical
@group(0) @binding(2) var<storage, read> samples: array<vec4f>;             // [sample], the known right-hand side, one entry per component

// What a workgroup has to do: its share, the first of its tiles, and how many they are.
struct Assigned { share: Share, partner: Partner, first_tile: u32, tiles: u32 }

// A dispatch has as many workgroups as its shares need, so there is a tile for each.
fn assigned(workgroup: u32) -> Assigned {
    let slab = workgroup + FIRST_WORKGROUP;
    var s = 0u;
    for (var i = 1u; i < KERNEL_SHARES; i++) {
        if slab >= shares[i].first_workgroup { s = i; }
    }
    let share = shares[s];
    slab_at = slab * SLAB_VECTORS;
    let first_tile = (slab - share.first_workgroup) * TILES;
    let partner = Partner(select(AXES, share.partner_axis, PAIRED), share.partner_at);
    let places = select(share.count, 2u * share.count, partner.axis < AXES);
    return Assigned(share, partner, first_tile, min(TILES, (places + POINTS - 1u) / POINTS - first_tile));
}

// The inputs of one of its tiles.
fn load_tile(work: Assigned, tile: u32) {
    inputs(work.share.first_point, work.share.count, (work.first_tile + tile) * POINTS, work.partner);
}

// Residual r and its adjoint at every place of a tile: leaves ȳ in OUTPUT_BAR and returns this thread's part of the loss
// Σ |r|² / count. Point and partner see the same jump of the fields, point minus partner; it counts once, and its
// cotangent has both signs.
fn residuals(work: Assigned, tile: u32) -> f32 {
    let share = work.share;
    let first = (work.first_tile + tile) * POINTS;
    let paired = PAIRED && work.partner.axis < AXES;
    var loss = 0.0;
    if group != 0u { return loss; }
    for (var place = lane; place < POINTS; place += LANES) {
        let sample = select(first + place, (first + place) / 2u, paired);
        let weight = select(0.0, share.weight, sample < share.count);
        let sign = select(1.0, -1.0, paired && (place & 1u) == 1u);
        var y: Fields;
        for (var o = 0u; o < FIELDS; o++) {
            y[o] = load(OUTPUT, o, place);
            if paired { y[o] = sign * (y[o] - load(OUTPUT, o, place ^ 1u)); }
        }
        let data = samples[share.first_sample + min(sample, share.count - 1u)];
        let r = residual(share.term, y, data);
        loss += select(0.0, weight, sign > 0.0) * dot(r, r);
        if UNKNOWNS > 0u { note_unknowns(share.term, y, data, select(0.0, 2.0, sign > 0.0) * weight * r); }
        var y_bar = residual_adjoint(share.term, y, data, 2.0 * sign * weight * r);
        for (var o = 0u; o < FIELDS; o++) { keep(OUTPUT_BAR, o, place, y_bar[o]); }
    }
    return loss;
}

// The loss of all tiles goes to the head of the slab, and what unknowns have gathered to its end.
fn finish(local: u32, loss: f32) {
    let sum = sum_over_threads(local, loss);
    if local == 0u { keep_slab(slab_at, vec4f(sum, 0.0, 0.0, 0.0)); }
    if UNKNOWNS > 0u { keep_unknowns(local); }
}
