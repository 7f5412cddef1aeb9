// From Gram parts to the numbers the update needs: one workgroup finishes the Gram matrix and the losses,
// asks the strategy for its coefficients, sets learning rate and bias corrections of this step, writes the
// step's record into the ring and advances the step counter. No host takes part.
//
// provides: coefficients_of, visiting_order, loss_of, mean_entry, largest_entry, recall, remember, tasks, settings
// expects:  combine (strategies); order (rng); learning_rate (schedule); REDUCERS, wait, TERMS, PAIRS, NUMBERS, ENTRIES,
//           GRAM_PARTS, PARAMETERS (prelude)

alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> gram_parts: array<f32>;            // [part][pair, then Σ|g|, then max|g|], pairs i ≤ j row by row
@group(0) @binding(2) var<storage, read_write> control: array<u32>;         // [0]: the number of steps done
@group(0) @binding(3) var<storage, read_write> coefficients: array<f32>;    // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;            // [step mod RING][RECORD]
@group(0) @binding(5) var<storage, read> orders: array<u32>;                // [term][term] given orders, if GIVEN_ORDERS
@group(0) @binding(6) var<storage, read> settings: array<u32>;              // [2..4]: seed of the orders; then see schedule.wgsl
@group(0) @binding(7) var<storage, read_write> state: array<f32>;           // what the strategy keeps from step to step

var<workgroup> sums: array<f32, REDUCERS * (NUMBERS + TERMS)>;              // the numbers of a part, then the losses

// Compensated sums over every REDUCERSth part: signs near zero steer the trajectory.
fn sum_parts(local: u32) {
    let terms = tasks();
    for (var i = 0u; i < added(); i++) {
        var sum = 0.0;
        var lost = 0.0;
        for (var part = local; part < GRAM_PARTS; part += REDUCERS) {
            let y = gram_parts[part * NUMBERS + i] - lost;
            let next = sum + y;
            lost = (next - sum) - y;
            sum = next;
        }
        sums[i * REDUCERS + local] = sum;
    }
    if ENTRIES {
        for (var i = added(); i < added() + terms; i++) {
            var largest = 0.0;
            for (var part = local; part < GRAM_PARTS; part += REDUCERS) {
                largest = max(largest, gram_parts[part * NUMBERS + i]);
            }
            sums[i * REDUCERS + local] = largest;
        }
    }
    for (var k = 0u; k < terms; k++) {
        let range = vec2u(SLAB_FIRST[k], SLAB_END[k]);
        var sum = 0.0;
        for (var s = range.x + local; s < range.y; s += REDUCERS) { sum += slab_vector(s * SLAB_VECTORS).x; }
        sums[(NUMBERS + k) * REDUCERS + local] = sum;
    }
}

// TERMS, but no compiler can tell: loops up to it stay loops, which compile in a tenth of the time.
fn tasks() -> u32 { return settings[10]; }

// How many numbers of a part are added: products, and Σ|g|.
fn added() -> u32 { return tasks() * (tasks() + 1u) / 2u + select(0u, tasks(), ENTRIES); }

// For strategies: the loss of term k, the sizes of the entries of its row (if ENTRIES), and what the strategy keeps.
fn loss_of(k: u32) -> f32 { return sums[(NUMBERS + k) * REDUCERS]; }
fn mean_entry(k: u32) -> f32 { return sums[(PAIRS + k) * REDUCERS] / f32(PARAMETERS); }
fn largest_entry(k: u32) -> f32 { return sums[(PAIRS + TERMS + k) * REDUCERS]; }
fn recall(i: u32) -> f32 { return state[i]; }
fn remember(i: u32, x: f32) { state[i] = x; }

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
    let all = added() + select(0u, tasks(), ENTRIES) + tasks();
    for (var half = REDUCERS / 2u; half > 0u; half /= 2u) {
        wait();
        if local < half {
            for (var i = 0u; i < all; i++) {
                let other = sums[i * REDUCERS + local + half];
                let at = i * REDUCERS + local;
                // largest entries stand between what is added
                if i >= PAIRS + TERMS && i < NUMBERS { sums[at] = max(sums[at], other); } else { sums[at] += other; }
            }
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
        ring[record + k] = loss_of(k);
        ring[record + TERMS + k] = c[k];
        for (var j = 0u; j < terms; j++) { ring[record + (2u + k) * TERMS + j] = gram[k][j]; }
    }
    ring[record + (2u + TERMS) * TERMS] = rate;
    control[0] = done + 1u;
}
