// From Gram parts to the numbers the update needs: one workgroup finishes the Gram matrix and the losses,
// asks the strategy for its coefficients, sets learning rate and bias corrections of this step, writes the
// step's record into the ring and advances the step counter. No host takes part.
//
// provides: coefficients_of, visiting_order, tasks, settings
// expects:  combine (strategies); order (rng); learning_rate (schedule); TERMS, PAIRS, GRAM_PARTS (prelude)

alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> gram_parts: array<f32>;            // [part][pair], pairs i ≤ j row by row
@group(0) @binding(2) var<storage, read_write> control: array<u32>;         // [0]: the number of steps done
@group(0) @binding(3) var<storage, read_write> coefficients: array<f32>;    // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;            // [step mod RING][RECORD]
@group(0) @binding(5) var<storage, read> orders: array<u32>;                // [term][term] given orders, if GIVEN_ORDERS
@group(0) @binding(6) var<storage, read> settings: array<u32>;              // [2..4]: seed of the orders; then see schedule.wgsl

var<workgroup> sums: array<f32, 64u * (PAIRS + TERMS)>;

// Compensated sums over every 64th part: signs near zero steer the trajectory.
fn sum_parts(local: u32) {
    for (var i = 0u; i < PAIRS; i++) {
        var sum = 0.0;
        var lost = 0.0;
        for (var part = local; part < GRAM_PARTS; part += 64u) {
            let y = gram_parts[part * PAIRS + i] - lost;
            let next = sum + y;
            lost = (next - sum) - y;
            sum = next;
        }
        sums[i * 64u + local] = sum;
    }
    for (var k = 0u; k < TERMS; k++) {
        let range = vec2u(SLAB_FIRST[k], SLAB_FIRST[k + 1u]);
        var sum = 0.0;
        for (var s = range.x + local; s < range.y; s += 64u) { sum += slab_vector(s * SLAB_VECTORS).x; }
        sums[(PAIRS + k) * 64u + local] = sum;
    }
}

// TERMS, but no compiler can tell: loops up to it stay loops.
fn tasks() -> u32 { return settings[10]; }

fn visiting_order(index: u32, task: u32) -> array<u32, MAX_TASKS> {
    if GIVEN_ORDERS {
        var given: array<u32, MAX_TASKS>;
        for (var i = 0u; i < TERMS; i++) { given[i] = orders[task * TERMS + i]; }
        return given;
    }
    return order(vec2u(settings[2], settings[3]), index, task, TERMS);
}

@compute @workgroup_size(64)
fn coefficients_of(@builtin(local_invocation_index) local: u32) {
    sum_parts(local);
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            for (var i = 0u; i < PAIRS + TERMS; i++) { sums[i * 64u + local] += sums[i * 64u + local + half]; }
        }
    }
    workgroupBarrier();
    if local == 0u { finish(); }
}

fn finish() {
    let done = control[0];
    var gram: Gram;
    var pair = 0u;
    for (var i = 0u; i < TERMS; i++) {
        for (var j = i; j < TERMS; j++) {
            gram[i][j] = sums[pair * 64u];
            gram[j][i] = gram[i][j];
            pair++;
        }
    }
    let c = combine(gram, done);
    let rate = learning_rate(done);
    let t = f32(done + 1u);
    for (var k = 0u; k < TERMS; k++) { coefficients[k] = c[k]; }
    coefficients[TERMS] = rate;
    coefficients[TERMS + 1u] = one_minus_exp(t * LOG_BETA1);
    coefficients[TERMS + 2u] = one_minus_exp(t * LOG_BETA2);

    let record = (done % RING) * RECORD;               // losses, coefficients, Gram row by row, η
    for (var k = 0u; k < TERMS; k++) {
        ring[record + k] = sums[(PAIRS + k) * 64u];
        ring[record + TERMS + k] = c[k];
        for (var j = 0u; j < TERMS; j++) { ring[record + (2u + k) * TERMS + j] = gram[k][j]; }
    }
    ring[record + (2u + TERMS) * TERMS] = rate;
    control[0] = done + 1u;
}
