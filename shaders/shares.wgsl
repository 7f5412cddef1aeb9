// Which term on which of its point sets a workgroup serves, its tiles, and what stands between the two ways through the
// network: the residual and its adjoint.
//
// provides: Share, assigned, first_tile, partner, load_tile, seed_outputs, finish, partial, sum_partial
// expects:  residual, residual_adjoint (residuals); tile; memory; jets; SHARE_SLOTS, KERNEL_SHARES, FIRST_WORKGROUP,
//           TILES, PAIRED (prelude)

struct Share {              // a term on one of its point sets
    first_point: u32,       // where the points begin
    first_sample: u32,      // where their data begin
    count: u32,             // how many there are
    first_workgroup: u32,   // which workgroups serve them: from this one, counted over all kernels
    weight: f32,            // 1/count: a mean
    term: u32,              // the term's place among the problem's
    partner_axis: u32,      // where points have partners, see Partner in tile.wgsl
    partner_at: f32,
}

@group(0) @binding(0) var<uniform> shares: array<Share, SHARE_SLOTS>;       // those of this kernel, then padding
@group(0) @binding(1) var<storage, read> points: array<f32>;                // [point][axis], physical
@group(0) @binding(2) var<storage, read> samples: array<vec4f>;             // [sample], the known right-hand side, one entry per component

var<private> first_tile: u32;                          // of this workgroup
var<private> partner: Partner;

var<workgroup> partial: array<f32, THREADS>;

// In fixed order, so that a run repeats bit by bit.
fn sum_partial() -> f32 {
    var sum = 0.0;
    for (var i = 0u; i < THREADS; i++) { sum += partial[i]; }
    return sum;
}

// Residual and its adjoint: leaves ȳ in OUTPUT_SLOT and returns this thread's part of the loss. Point and partner
// see the same jump of the fields, point minus partner; it counts once, and its cotangent has both signs.
fn seed_outputs(share: Share, tile: u32) -> f32 {
    let first = (first_tile + tile) * POINTS;
    let paired = PAIRED && partner.axis < AXES;
    var loss = 0.0;
    if group == 0u {
        for (var q = 0u; q < SPAN; q++) {
            let own = q * LANES + lane;
            let sample = select(first + own, (first + own) / 2u, paired);
            let weight = select(0.0, share.weight, sample < share.count);
            let sign = select(1.0, -1.0, paired && (own & 1u) == 1u);
            var y = outputs(LAST, own);
            if paired {
                let other = outputs(LAST, own ^ 1u);
                for (var o = 0u; o < FIELDS; o++) { y[o] = sign * (y[o] - other[o]); }
            }
            let r = residual(share.term, y, samples[share.first_sample + min(sample, share.count - 1u)]);
            loss += select(0.0, weight, sign > 0.0) * dot(r, r);
            let y_bar = residual_adjoint(share.term, y, 2.0 * sign * weight * r);
            for (var o = 0u; o < FIELDS; o++) { keep_feature(at(OUTPUT_SLOT, o, q), y_bar[o]); }
        }
    }
    return loss;
}

// The share of this workgroup, with the variables above set for it.
fn assigned(workgroup: u32) -> Share {
    let slab = workgroup + FIRST_WORKGROUP;
    var s = 0u;
    for (var i = 1u; i < KERNEL_SHARES; i++) {
        if slab >= shares[i].first_workgroup { s = i; }
    }
    let share = shares[s];
    slab_at = slab * SLAB_VECTORS;
    first_tile = (slab - share.first_workgroup) * TILES;
    partner = Partner(AXES, 0.0);
    if PAIRED { partner = Partner(share.partner_axis, share.partner_at); }
    let places = select(share.count, 2u * share.count, partner.axis < AXES);
    tiles = min(TILES, (places + POINTS - 1u) / POINTS - first_tile);
    return share;
}

// The inputs of one of its tiles.
fn load_tile(share: Share, tile: u32) {
    if group == 0u { load_inputs(share.first_point, share.count, (first_tile + tile) * POINTS, partner); }
    feature_barrier();
}

// The loss of all its tiles goes to the head of the slab.
fn finish(local: u32, loss: f32) {
    partial[local] = loss;
    thread_barrier();
    if local == 0u { keep_slab(slab_at, vec4f(sum_partial(), 0.0, 0.0, 0.0)); }
}
