// SOAP, 4, every FREQUENCY steps and then twice: Gram–Schmidt of the columns A of a side, a workgroup each. A thread owns
// every REDUCERSth column and alone touches it; a column from which all before it are taken out is shared, as it is: lengths
// come last, where all threads have some. Sixteen numbers go into a trip: a driver may end loops after 65 535 trips of a
// thread. Columns are padded with zeros to that.
//
// provides: orthonormal
// expects:  REDUCERS, wait, FREQUENCY, LONGEST (prelude)

@group(0) @binding(0) var<storage, read> control: array<u32>;               // [0]: the number of this step, from 1
@group(0) @binding(1) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, matrix
@group(0) @binding(2) var<storage, read_write> iterates: array<vec4f>;      // [side][column][component, to the pitch]
@group(0) @binding(3) var<storage, read_write> bases: array<vec4f>;         // the same

const HALF = LONGEST / 4u;
var<workgroup> shown: array<vec4f, 2 * HALF>;          // a column in either half by turns: one barrier each is enough
var<workgroup> shown_inverse: array<f32, 2>;           // 1 / its squared length

fn show(at: u32, run: u32, half: u32) {
    var sum = vec4f();
    for (var i = 0u; i < run; i += 4u) {
        let a = iterates[at + i];
        let b = iterates[at + i + 1u];
        let c = iterates[at + i + 2u];
        let d = iterates[at + i + 3u];
        shown[half * HALF + i] = a;
        shown[half * HALF + i + 1u] = b;
        shown[half * HALF + i + 2u] = c;
        shown[half * HALF + i + 3u] = d;
        sum += (a * a + b * b) + (c * c + d * d);
    }
    shown_inverse[half] = 1.0 / ((sum.x + sum.y) + (sum.z + sum.w));
}

// a ← a − q ⟨q, a⟩ / ⟨q, q⟩
fn take_out(at: u32, run: u32, half: u32) {
    let q = half * HALF;
    var sum = vec4f();
    for (var i = 0u; i < run; i += 4u) {
        let near = shown[q + i] * iterates[at + i] + shown[q + i + 1u] * iterates[at + i + 1u];
        let far = shown[q + i + 2u] * iterates[at + i + 2u] + shown[q + i + 3u] * iterates[at + i + 3u];
        sum += near + far;
    }
    let part = ((sum.x + sum.y) + (sum.z + sum.w)) * shown_inverse[half];
    for (var i = 0u; i < run; i += 4u) {
        iterates[at + i] -= part * shown[q + i];
        iterates[at + i + 1u] -= part * shown[q + i + 1u];
        iterates[at + i + 2u] -= part * shown[q + i + 2u];
        iterates[at + i + 3u] -= part * shown[q + i + 3u];
    }
}

fn to_unit_length(at: u32, run: u32) {
    var sum = vec4f();
    for (var i = 0u; i < run; i++) { sum += iterates[at + i] * iterates[at + i]; }
    let scale = 1.0 / sqrt((sum.x + sum.y) + (sum.z + sum.w));
    for (var i = 0u; i < run; i++) {
        let q = scale * iterates[at + i];
        iterates[at + i] = q;
        bases[at + i] = q;
    }
}

@compute @workgroup_size(REDUCERS)
fn orthonormal(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let side = sides[workgroup.x];
    let first = side.x / 4u;
    let run = side.z / 4u;
    if (control[0] - 1u) % FREQUENCY == 0u {
        for (var k = 0u; k < side.y; k++) {
            if k % REDUCERS == local { show(first + k * run, run, k % 2u); }
            wait();
            // the first of the own columns behind k
            let next = k + 1u + (local + REDUCERS - (k + 1u) % REDUCERS) % REDUCERS;
            for (var j = next; j < side.y; j += REDUCERS) { take_out(first + j * run, run, k % 2u); }
        }
        for (var j = local; j < side.y; j += REDUCERS) { to_unit_length(first + j * run, run); }
    }
}
