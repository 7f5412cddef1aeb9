// SOAP, 4, every FREQUENCY steps and then twice: Gram–Schmidt of the columns A of a side, a workgroup each. A thread owns
// every REDUCERSth column and alone touches it; only the finished column is shared. Sixteen numbers go into a trip: a driver
// may end loops after 65 535 trips of a thread. Columns are padded with zeros to that.
//
// provides: orthonormal
// expects:  REDUCERS, wait, FREQUENCY, LONGEST (prelude)

@group(0) @binding(0) var<storage, read> control: array<u32>;               // [0]: the number of this step, from 1
@group(0) @binding(1) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, matrix
@group(0) @binding(2) var<storage, read_write> iterates: array<vec4f>;      // [side][column][component, to the pitch]
@group(0) @binding(3) var<storage, read_write> bases: array<vec4f>;         // the same

const HALF = LONGEST / 4u;
var<workgroup> finished: array<vec4f, 2 * HALF>;       // a column in either half by turns: one barrier each is enough

// A column to unit length, and where all can see it.
fn finish(at: u32, run: u32, half: u32) {
    var sum = vec4f();
    for (var i = 0u; i < run; i += 4u) {
        let a = iterates[at + i];
        let b = iterates[at + i + 1u];
        let c = iterates[at + i + 2u];
        let d = iterates[at + i + 3u];
        sum += (a * a + b * b) + (c * c + d * d);
    }
    let scale = 1.0 / sqrt((sum.x + sum.y) + (sum.z + sum.w));
    for (var i = 0u; i < run; i += 4u) {
        for (var k = i; k < i + 4u; k++) {
            let q = scale * iterates[at + k];
            iterates[at + k] = q;
            bases[at + k] = q;
            finished[half + k] = q;
        }
    }
}

// a ← a − q ⟨q, a⟩
fn take_out(at: u32, run: u32, half: u32) {
    var sum = vec4f();
    for (var i = 0u; i < run; i += 4u) {
        let near = finished[half + i] * iterates[at + i] + finished[half + i + 1u] * iterates[at + i + 1u];
        let far = finished[half + i + 2u] * iterates[at + i + 2u] + finished[half + i + 3u] * iterates[at + i + 3u];
        sum += near + far;
    }
    let part = (sum.x + sum.y) + (sum.z + sum.w);
    for (var i = 0u; i < run; i += 4u) {
        iterates[at + i] -= part * finished[half + i];
        iterates[at + i + 1u] -= part * finished[half + i + 1u];
        iterates[at + i + 2u] -= part * finished[half + i + 2u];
        iterates[at + i + 3u] -= part * finished[half + i + 3u];
    }
}

@compute @workgroup_size(REDUCERS)
fn orthonormal(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let side = sides[workgroup.x];
    let first = side.x / 4u;
    let run = side.z / 4u;
    if (control[0] - 1u) % FREQUENCY == 0u {
        for (var k = 0u; k < side.y; k++) {
            let half = k % 2u * HALF;
            if k % REDUCERS == local { finish(first + k * run, run, half); }
            wait();
            // the first of the own columns behind k
            let next = k + 1u + (local + REDUCERS - (k + 1u) % REDUCERS) % REDUCERS;
            for (var j = next; j < side.y; j += REDUCERS) { take_out(first + j * run, run, half); }
        }
    }
}
