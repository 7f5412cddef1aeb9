// From Gram parts to the numbers the update needs: one workgroup finishes the Gram matrix and the losses,
// asks the strategy for its coefficients, sets learning rate and bias corrections of this step, writes the
// step's record into the ring and advances the step counter. No host takes part.
//
// provides: coefficients_of, visiting_order, tasks, settings
// expects:  combine (strategies); order (rng); learning_rate (schedule); REDUCERS, wait, TERMS, PAIRS, GRAM_PARTS (prelude)

alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> gram_parts: array<f32>;            // [part][pair], pairs i ≤ j row by row
@group(0) @binding(2) var<storage, read_write> control: array<u32>;         // [0]: the number of steps done
@group(0) @binding(3) var<storage, read_write> coefficients: array<f32>;    // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;            // [step mod RING][RECORD]
@group(0) @binding(5) var<storage, read> orders: array<u32>;                // [term][term] given orders, if GIVEN_ORDERS
@group(0) @binding(6) var<storage, read> settings: array<u32>;              // [2..4]: seed of the orders; then see schedule.wgsl

var<workgroup> sums: array<f32, REDUCERS * (PAIRS + TERMS)>;

// Compensated sums over every REDUCERSth part: signs near zero steer the trajectory.
fn sum_parts(local: u32) {
    let terms = tasks();
    for (var i = 0u; i < terms * (terms + 1u) / 2u; i++) {
        var sum = 0.0;
        var lost = 0.0;
        for (var part = local; part < GRAM_PARTS; part += REDUCERS) {
            let y = gram_parts[part * PAIRS + i] - lost;
            let next = sum + y;
            lost = (next - sum) - y;
            sum = next;
        }
        sums[i * REDUCERS + local] = sum;
    }
    for (var k = 0u; k < terms; k++) {
        let range = vec2u(SLAB_FIRST[k], SLAB_END[k]);
        var sum = 0.0;
        for (var s = range.x + local; s < range.y; s += REDUCERS) { sum += slab_vector(s * SLAB_VECTORS).x; }
        sums[(PAIRS + k) * REDUCERS + local] = sum;
    }
}

// TERMS, but no compiler can tell: loops up to it stay loops, which compile in a tenth of the time.
fn tasks() -> u32 { return settings[10]; }

fn visiting_order(index: u32, task: u32) -> array<u32, MAX_TASKS> {
    if GIVEN_ORDERS {
        var given: array<u32, MAX_TASKS>;
        for (var i = 0u; i < tasks(); i++) { given[i] = orders[task * TERMS + i]; }
        return given;
    }
    return order(vec2u(settings[2], settings[3]), index, task, tasks());
}

@compute @workgroup_size(REDUCERS)
fn coefficients_of(@builtin(local_invocation_index) local: u32) {
    sum_parts(local);
    let all = tasks() * (tasks() + 3u) / 2u;           // pairs and terms
    for (var half = REDUCERS / 2u; half > 0u; half /= 2u) {
        wait();
        if local < half {
            for (var i = 0u; i < all; i++) { sums[i * REDUCERS + local] += sums[i * REDUCERS + local + half]; }
        }
    }
    wait();
    if local == 0u { finish(); }
}

fn finish() {
    let done = control[0];
    let terms = tasks();
    var gram: Gram;
    var pair = 0u;
    for (var i = 0u; i < terms; i++) {
        for (var j = i; j < terms; j++) {
            gram[i][j] = sums[pair * REDUCERS];
            gram[j][i] = gram[i][j];
            pair++;
        }
    }
    var c = combine(gram, done);
    let rate = learning_rate(done);
    let t = f32(done + 1u);
    for (var k = 0u; k < terms; k++) { coefficients[k] = c[k]; }
    coefficients[TERMS] = rate;
    coefficients[TERMS + 1u] = one_minus_exp(t * LOG_BETA1);
    coefficients[TERMS + 2u] = one_minus_exp(t * LOG_BETA2);

    let record = (done % RING) * RECORD;               // losses, coefficients, Gram row by row, η
    for (var k = 0u; k < terms; k++) {
        ring[record + k] = sums[(PAIRS + k) * REDUCERS];
        ring[record + TERMS + k] = c[k];
        for (var j = 0u; j < terms; j++) { ring[record + (2u + k) * TERMS + j] = gram[k][j]; }
    }
    ring[record + (2u + TERMS) * TERMS] = rate;
    control[0] = done + 1u;
}
