//! Conformance: every check of `verify` passes on this adapter, and each notices the mistake it is there for.

mod common;

use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::lab::verify::{self, CHECKS, Options};
use acr_pinn_gpu::lab::{Card, card, strategies};
use acr_pinn_gpu::strategies::PcGrad;
use std::collections::BTreeSet;

fn only(check: &str) -> Options {
    Options { only: vec![check.to_owned()], ..Options::default() }
}

fn failures(card: &Card) -> Vec<String> {
    let failed = card.findings.iter().filter(|finding| !finding.passed);
    failed.map(|f| format!("{}: {}\n  {}", f.check, f.subject, f.failures.join("\n  "))).collect()
}

#[test]
fn this_adapter_conforms() {
    let gpu = common::gpu();
    let mut seen = Vec::new();
    let devices = [gpu.reopen().unwrap(), gpu];
    let card = verify::run(&devices, &Options::default(), |finding| seen.push(finding.clone()));
    assert!(card.passed, "{}", failures(&card).join("\n"));
    assert_eq!(seen, card.findings, "every finding is handed on, in order");
    let kinds: BTreeSet<&str> = card.findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(kinds, CHECKS.iter().map(|(name, _)| *name).collect());
    let measured = card.findings.iter().filter(|finding| finding.error.is_some()).count();
    assert!(measured > card.findings.len() / 2, "{measured} of {} findings measured something", card.findings.len());

    // the card comes back from its own text, and is no different from itself
    let again = Card::parse(&serde_json::to_vec(&card).unwrap()).unwrap();
    assert!(card::compare(&card, &again).iter().all(|d| !d.flips && d.a == d.b));
}

fn verb(arguments: &[&str]) -> std::process::Output {
    common::program().arg("verify").args(arguments).output().unwrap()
}

#[test]
fn two_cards_are_compared_and_a_flipped_verdict_ends_with_one() {
    let made = verb(&["--quiet", "--json", "--only", "random", "--only", "schedule", "--thorough"]);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let good = Card::parse(&made.stdout).unwrap();
    assert!(good.thorough && good.findings.len() == 2);
    let mut bad = good.clone();
    bad.findings[1].passed = false;
    bad.findings[1].error = Some(0.5);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, card: &Card| {
        let path = folder.path().join(name);
        std::fs::write(&path, serde_json::to_vec(card).unwrap()).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let (a, b) = (write("a.json", &good), write("b.json", &bad));
    for (second, code, said) in [(&a, 0, "0 verdicts differ"), (&b, 1, "only B fails")] {
        let output = verb(&["--compare", &a, second]);
        assert_eq!(output.status.code(), Some(code));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(said), "{text}");
    }
    let output = verb(&["--compare", &a, &b, "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["flips"]), (Some(1), &serde_json::json!(1)));
}

/// As many terms as a kernel can hold, more than any problem has.
#[test]
fn strategies_hold_for_eight_terms() {
    strategies::check(&common::gpu(), &PcGrad, 8).unwrap().finish();
}

/// What stands in a shader, what a slip of the hand makes of it, and which check must notice.
const SLIPS: [(&str, &str, &str); 16] = [
    // the sign of one line of an adjoint, at each order
    ("return vec3f(dot(b, c_bar), b.x * c_bar.yz)", "return vec3f(dot(b, c_bar), -b.x * c_bar.yz)", "jets"),
    ("+ (2.0 * c_bar.w) * C * b.yz", "- (2.0 * c_bar.w) * C * b.yz", "jets"),
    ("+ 2.0 * vec2f(dot(n.xy, t), dot(n.yz, t))", "- 2.0 * vec2f(dot(n.xy, t), dot(n.yz, t))", "jets"),
    // an activation's slope
    ("jet_constant(1.0) - multiply(y, y)", "jet_constant(1.0) + multiply(y, y)", "jets"),
    // a factor of an adjoint
    ("+ (2.0 * c_bar.w) * C * b.yz", "+ c_bar.w * C * b.yz", "jets"),
    // the residual's adjoint of another equation
    ("3.0 * r_bar.x * (f_u * f_u)", "2.0 * r_bar.x * (f_u * f_u)", "equations"),
    // a component of a velocity, and of a periodic condition
    ("vec3f(0.0, -r_bar.y, r_bar.x)", "vec3f(0.0, r_bar.y, r_bar.x)", "equations"),
    ("r_bar.x / sqrt(2.0), r_bar.z", "r_bar.x / sqrt(2.0), r_bar.w", "equations"),
    // one digit of a coefficient, and a clamp that ends too early
    ("0.13394025", "0.13394325", "functions"),
    ("clamp(x, -9.0, 9.0)", "clamp(x, -6.0, 6.0)", "functions"),
    // conflicts that are not conflicts
    ("if delta < 0.0", "if delta > 0.0", "strategies"),
    // decay of the second moment
    ("const BETA2 = 0.999;", "const BETA2 = 0.99;", "adam"),
    // a gradient where its mean belongs
    ("let ms = vec4f(x.y, y.y, z.y, w.y);", "let ms = vec4f(x.x, y.x, z.x, w.x);", "soap"),
    // one round of the generator too few, and a stratum that is not permuted
    ("round < 10u", "round < 9u", "random"),
    ("f32(permute(k, n, keys.xy))", "f32(k)", "sampler"),
    // a rate that is one step late
    ("f32(done + 1u) / f32(warmup)", "f32(done) / f32(warmup)", "schedule"),
];

#[test]
fn a_wrong_kernel_is_caught() {
    let mut missed = Vec::new();
    for (right, wrong, check) in SLIPS {
        let gpu: Gpu = common::gpu().with_slip(right, wrong);
        let card = verify::run(std::slice::from_ref(&gpu), &only(check), |_| {});
        assert!(gpu.slips() > 0, "no kernel of `{check}` contains `{right}`");
        if card.passed {
            missed.push(format!("`{check}` did not notice `{wrong}` instead of `{right}`"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
