// Counter-based random numbers, the twin of src/math/rng.rs: the same words for the same counter and key,
// on every device. A number is a function of where it is needed, so nothing here has a state.
//
// provides: philox, uniform01, permute, order, STREAM_SAMPLE, STREAM_ORDER, STREAM_STRATUM, MAX_TASKS
// expects:  nothing

const STREAM_SAMPLE = 2u;        // counter [point, step, SAMPLE, set·16 + axis/4], word axis mod 4
const STREAM_ORDER = 3u;         // counter [task, step, ORDER, 0]
const STREAM_STRATUM = 4u;       // counter [set, step, STRATUM, axis], words 0 and 1 are the key of `permute`
const MAX_TASKS = 8u;

// The upper word of a·b. WGSL has no 64-bit integers: products of 16-bit halves, carries by hand.
fn multiply_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xFFFFu;  let a1 = a >> 16u;
    let b0 = b & 0xFFFFu;  let b1 = b >> 16u;
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> 16u);
    let rest = a0 * b1 + (cross & 0xFFFFu);
    return a1 * b1 + (cross >> 16u) + (rest >> 16u);
}

// Philox4x32-10 (Salmon et al., SC 2011): four random words.
fn philox(counter: vec4u, key: vec2u) -> vec4u {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round++) {
        let left = multiply_high(0xD2511F53u, c.x);
        let right = multiply_high(0xCD9E8D57u, c.z);
        c = vec4u(right ^ c.y ^ k.x, 0xCD9E8D57u * c.z, left ^ c.w ^ k.y, 0xD2511F53u * c.x);
        k += vec2u(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// The upper 24 bits as a number in [0, 1), exact.
fn uniform01(word: u32) -> f32 {
    return f32(word >> 8u) * 5.9604644775390625e-8;     // 2⁻²⁴
}

// The finaliser of MurmurHash3.
fn scramble(word: u32) -> u32 {
    var h = word;
    h = (h ^ (h >> 16u)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13u)) * 0xC2B2AE35u;
    return h ^ (h >> 16u);
}

fn feistel(number: u32, half: u32, key: vec2u) -> u32 {
    let mask = (1u << half) - 1u;
    var left = number >> half;
    var right = number & mask;
    for (var round = 0u; round < 6u; round++) {
        let word = select(key.y, key.x, (round & 1u) == 0u);
        let stirred = left ^ (scramble(right ^ (word + round * 0x9E3779B9u)) & mask);
        left = right;
        right = stirred;
    }
    return (left << half) | right;
}

// The image of `index` under a random bijection of 0..n (1 ≤ n ≤ 2³⁰): a balanced Feistel network permutes
// the next power of four; a value outside 0..n is permuted again until it returns. The bound on the walk is
// never met (a step stays outside with probability below 3/4), but a shader must not hang.
fn permute(index: u32, n: u32, key: vec2u) -> u32 {
    let bits = 32u - countLeadingZeros(max(n, 2u) - 1u);
    let half = (bits + 1u) / 2u;
    var walker = feistel(index, half, key);
    for (var walk = 0u; walker >= n && walk < 1024u; walk++) {
        walker = feistel(walker, half, key);
    }
    return walker;
}

// The order in which `task` meets the `tasks` ≤ 8 tasks (itself included): Fisher–Yates from one block,
// sixteen random bits per draw. Entries from `tasks` on are meaningless.
fn order(key: vec2u, at_step: u32, task: u32, tasks: u32) -> array<u32, MAX_TASKS> {
    let words = philox(vec4u(task, at_step, STREAM_ORDER, 0u), key);
    var list = array<u32, MAX_TASKS>(0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u);
    for (var draw = 0u; draw + 1u < tasks; draw++) {
        let last = tasks - 1u - draw;
        let word = words[draw & 3u];
        let bits = select(word & 0xFFFFu, word >> 16u, draw < 4u);
        let chosen = (bits * (last + 1u)) >> 16u;
        let moved = list[last];
        list[last] = list[chosen];
        list[chosen] = moved;
    }
    return list;
}
