// The rows by their lengths and cosines, and small systems of cosines in pairs of f32. Twin of src/strategies/cosines.rs,
// which says what OWN is for. One thread works here, so what all functions share lies in private variables.
//
// provides: OWN, Vector, lengths, cosines, measure_rows, takes_part, rows_taking_part, ALL_ROWS, solve, complementary
// expects:  Gram, tasks (kernels/coefficients_of); Double, d_* (double)

const OWN = 3.814697265625e-6;                         // 2⁻¹⁸
const SHORTEST = 9.094947017729282e-13;                // 2⁻⁴⁰
const NEGATIVE = -1e-11;
const ALL_ROWS = 0xffffffffu;

alias Vector = array<Double, TERMS>;

var<private> lengths: Vector;                          // zero for rows that take no part
var<private> cosines: array<Vector, TERMS>;            // 1 + OWN on the diagonal
var<private> work: array<Vector, TERMS>;

fn takes_part(k: u32) -> bool { return lengths[k].x > 0.0; }

fn rows_taking_part() -> f32 {
    var count = 0.0;
    for (var k = 0u; k < tasks(); k++) { count += select(0.0, 1.0, takes_part(k)); }
    return count;
}

// Fills `lengths`, in a unit that leaves the longest between 1/2 and 2, and `cosines`.
fn measure_rows(gram: Gram) {
    var largest = 0.0;
    for (var k = 0u; k < tasks(); k++) { largest = max(largest, gram[k][k]); }
    let scale = scale_near_one(largest);
    var longest = 0.0;
    for (var k = 0u; k < tasks(); k++) {
        lengths[k] = d_sqrt(d_of(gram[k][k] * scale));
        longest = max(longest, lengths[k].x);
    }
    for (var k = 0u; k < tasks(); k++) {
        if lengths[k].x < SHORTEST * longest { lengths[k] = Double(); }
    }
    for (var j = 0u; j < tasks(); j++) {
        for (var k = 0u; k < tasks(); k++) {
            var cosine = Double();
            if j == k {
                cosine = Double(1.0, OWN);
            } else if takes_part(j) && takes_part(k) {
                cosine = d_div(d_div(d_of(gram[j][k] * scale), lengths[j]), lengths[k]);
            }
            cosines[j][k] = cosine;
        }
    }
}

fn holds(members: u32, k: u32) -> bool { return ((members >> k) & 1u) == 1u; }

// x with Σₖ cosines[j][k] xₖ = bⱼ for every j of `members`, and zero outside it.
fn solve(members: u32, b: Vector) -> Vector {
    var x = Vector();
    for (var k = 0u; k < tasks(); k++) {
        work[k] = cosines[k];
        if holds(members, k) { x[k] = b[k]; }
    }
    for (var k = 0u; k < tasks(); k++) {
        if !holds(members, k) { continue; }
        for (var i = k + 1u; i < tasks(); i++) {
            if !holds(members, i) { continue; }
            let factor = d_div(work[i][k], work[k][k]);
            for (var j = k + 1u; j < tasks(); j++) { work[i][j] = d_sub(work[i][j], d_mul(factor, work[k][j])); }
            x[i] = d_sub(x[i], d_mul(factor, x[k]));
        }
    }
    for (var above = tasks(); above > 0u; above--) {
        let k = above - 1u;
        if !holds(members, k) { continue; }
        for (var j = above; j < tasks(); j++) { x[k] = d_sub(x[k], d_mul(work[k][j], x[j])); }
        x[k] = d_div(x[k], work[k][k]);
    }
    return x;
}

// The rows that violate y ≥ 0 inside `members` or w = cosines·y + q ≥ 0 outside.
fn wrong_rows(members: u32, y: Vector, q: Vector) -> u32 {
    var wrong = 0u;
    for (var k = 0u; k < tasks(); k++) {
        var value = y[k];
        if !holds(members, k) {
            value = q[k];
            for (var j = 0u; j < tasks(); j++) { value = d_add(value, d_mul(cosines[k][j], y[j])); }
        }
        if value.x < NEGATIVE { wrong |= 1u << k; }
    }
    return wrong;
}

struct Complementary { members: u32, y: Vector }

// y ≥ 0, w = cosines·y + q ≥ 0, yᵀw = 0, from `start` by block principal pivoting: all rows on the wrong side change it
// at once, and one by one where that brings nothing.
fn complementary(q: Vector, start: u32) -> Complementary {
    var found: Complementary;
    found.members = start;
    var minus = q;
    for (var k = 0u; k < tasks(); k++) { minus[k] = -q[k]; }
    var fewest = tasks() + 1u;
    var chances = 0u;
    for (var i = 0u; i <= 1u << tasks(); i++) {
        found.y = solve(found.members, minus);
        let wrong = wrong_rows(found.members, found.y, q);
        if wrong == 0u { break; }
        if countOneBits(wrong) < fewest {
            fewest = countOneBits(wrong);
            chances = 3u;
        } else if chances > 0u {
            chances--;
        }
        found.members ^= select(1u << firstLeadingBit(wrong), wrong, chances > 0u);
    }
    return found;
}
