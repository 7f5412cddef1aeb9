// The conditions that problems share, one kind per term: what a field is on a boundary or at the start.
//   VALUES    u − data.x and the same for up to three fields that follow      SLOPE   ∂u − data along one axis
//   VELOCITY  (ψ_y − data.x, −ψ_x − data.y), the velocity of a stream function
//
// provides: residual, residual_adjoint
// expects:  a jet with value and gradient; scalar (math); Fields, CONDITION_KIND, CONDITION_FIELD, CONDITION_COUNT,
//           CONDITION_AXIS by term and the kinds CONDITION_* (prelude)

fn residual(term: u32, fields: Fields, data: vec4f) -> vec4f {
    var all = fields;                                  // only a variable may be indexed by term
    let u = all[CONDITION_FIELD[term]];
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { return vec4f(d1(u), -d0(u), 0.0, 0.0) - data; }
        case CONDITION_SLOPE: { return scalar(select(d0(u), d1(u), CONDITION_AXIS[term] == 1u) - data.x); }
        default: {
            var r: vec4f;
            for (var i = 0u; i < CONDITION_COUNT[term]; i++) { r[i] = value(all[CONDITION_FIELD[term] + i]) - data[i]; }
            return r;
        }
    }
}
fn residual_adjoint(term: u32, fields: Fields, r_bar: vec4f) -> Fields {
    var all = Fields();
    let field = CONDITION_FIELD[term];
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { all[field] = from_gradient(-r_bar.y, r_bar.x); }
        case CONDITION_SLOPE: {
            let along = CONDITION_AXIS[term] == 1u;
            all[field] = from_gradient(select(r_bar.x, 0.0, along), select(0.0, r_bar.x, along));
        }
        default: {
            for (var i = 0u; i < CONDITION_COUNT[term]; i++) { all[field + i] = from_value(r_bar[i]); }
        }
    }
    return all;
}
