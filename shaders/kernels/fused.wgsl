// One dispatch from points to partial gradients: jets forward through the network, residual, adjoint,
// weight gradients. Nothing but parameters, samples and gradient slabs is shared between workgroups.
// Each workgroup serves one term on one point set, walks over its tiles and owns one slab.
//
// provides: fused
// expects:  forward, backward (networks); residual, residual_adjoint (residuals); tile; memory; jets

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

var<workgroup> partial: array<f32, THREADS>;

// In fixed order, so that a run repeats bit by bit.
fn sum_partial() -> f32 {
    var sum = 0.0;
    for (var i = 0u; i < THREADS; i++) { sum += partial[i]; }
    return sum;
}

// Residual and its adjoint: leaves ȳ in OUTPUT_SLOT and returns this thread's part of the loss. Point and partner
// see the same jump of the fields, point minus partner; it counts once, and its cotangent has both signs.
fn seed_outputs(share: Share, partner: Partner, first: u32) -> f32 {
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

@compute @workgroup_size(THREADS)
fn fused(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    enter(local, workgroup.x);
    var s = 0u;
    for (var i = 1u; i < KERNEL_SHARES; i++) {
        if workgroup.x + FIRST_WORKGROUP >= shares[i].first_workgroup { s = i; }
    }
    let share = shares[s];
    let slab = workgroup.x + FIRST_WORKGROUP;
    slab_at = slab * SLAB_VECTORS;
    var loss = 0.0;
    let first_tile = (slab - share.first_workgroup) * TILES;
    var partner = Partner(AXES, 0.0);
    if PAIRED { partner = Partner(share.partner_axis, share.partner_at); }
    let places = select(share.count, 2u * share.count, partner.axis < AXES);
    let tiles = min(TILES, (places + POINTS - 1u) / POINTS - first_tile);
    for (var tile = 0u; tile < tiles; tile++) {
        fresh = tile == 0u;
        let first = (first_tile + tile) * POINTS;
        if group == 0u { load_inputs(share.first_point, share.count, first, partner); }
        feature_barrier();
        forward();
        if PAIRED { feature_barrier(); }               // the partner's outputs come from features of another lane
        loss += seed_outputs(share, partner, first);
        feature_barrier();
        backward(local);
    }
    partial[local] = loss;
    workgroupBarrier();
    if local == 0u { keep_slab(slab_at, vec4f(sum_partial(), 0.0, 0.0, 0.0)); }
}
