// The conditions that problems share, one kind per term: what a field is on a boundary or at the start.
//   VALUES    scale·(u − data.x) and the same for up to three fields that follow    SLOPE   ∂u − data along one axis
//   VELOCITY  (ψ_y − data.x, −ψ_x − data.y), the velocity of a stream function
//   PERIODIC  (scale·u, …, ∂u, …) of the first one or two fields, given their jumps between both ends of an axis
//
// provides: condition, condition_adjoint
// expects:  a jet with value and gradient; Fields, CONDITION_KIND, CONDITION_FIELD, CONDITION_COUNT,
//           CONDITION_AXIS, CONDITION_SCALE by term and the kinds CONDITION_* (prelude)

fn slope(u: Jet, axis: u32) -> f32 { return select(d0(u), d1(u), axis == 1u); }
fn from_slope(s: f32, axis: u32) -> Jet { return from_gradient(select(s, 0.0, axis == 1u), select(0.0, s, axis == 1u)); }

fn condition(term: u32, fields: Fields, data: vec4f) -> vec4f {
    var all = fields;                                  // only a variable may be indexed by term
    let u = all[CONDITION_FIELD[term]];
    let count = CONDITION_COUNT[term];
    var r: vec4f;
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { r = vec4f(d1(u), -d0(u), 0.0, 0.0) - data; }
        case CONDITION_SLOPE: { r.x = slope(u, CONDITION_AXIS[term]) - data.x; }
        case CONDITION_PERIODIC: {
            for (var i = 0u; i < count; i++) {
                r[i] = CONDITION_SCALE[term] * value(all[i]);
                r[count + i] = slope(all[i], CONDITION_AXIS[term]);
            }
        }
        default: {
            for (var i = 0u; i < count; i++) {
                r[i] = CONDITION_SCALE[term] * (value(all[CONDITION_FIELD[term] + i]) - data[i]);
            }
        }
    }
    return r;
}
fn condition_adjoint(term: u32, fields: Fields, r_bar: vec4f) -> Fields {
    var all = Fields();
    var bar = r_bar;
    let field = CONDITION_FIELD[term];
    let count = CONDITION_COUNT[term];
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { all[field] = from_gradient(-r_bar.y, r_bar.x); }
        case CONDITION_SLOPE: { all[field] = from_slope(r_bar.x, CONDITION_AXIS[term]); }
        case CONDITION_PERIODIC: {
            for (var i = 0u; i < count; i++) {
                all[i] = from_value(CONDITION_SCALE[term] * bar[i]) + from_slope(bar[count + i], CONDITION_AXIS[term]);
            }
        }
        default: {
            for (var i = 0u; i < count; i++) { all[field + i] = from_value(CONDITION_SCALE[term] * bar[i]); }
        }
    }
    return all;
}
