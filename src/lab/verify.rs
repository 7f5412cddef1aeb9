//! Conformance of one adapter: every kernel and plan against the f64 oracle, as a list of independent jobs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::error::Result;
use crate::gpu::Gpu;
use crate::math::{Jet, Variant};
use crate::networks::{self, Network};
use crate::optimisers::{self, Optimisation};
use crate::{kernels, oracle, problems, strategies};

use super::card::{Card, Finding, KIND};
use super::steps::{NoGradients, Sizes, Subject};
use super::{eigenbases, equations, functions, jets, products, races, random, update};

/// Kinds of checks and what they hold against what, in the order of their work.
pub const CHECKS: [(&str, &str); 12] = [
    ("functions", "elementary functions over their whole range, in ULP, beside what WGSL allows its own"),
    ("schedule", "learning rates and bias corrections over a long run"),
    ("jets", "derivative streams: functions, products, their adjoints, and ⟨Jv, w⟩ = ⟨v, Jᵀw⟩"),
    ("products", "packed matrices and transposes times feature vectors, and their gradients"),
    ("equations", "residuals of differential equations and conditions, their adjoints, and known right-hand sides"),
    ("strategies", "coefficients from Gram matrices with conflicts of every kind"),
    ("adam", "the update kernel: moments, parameters and packed weights"),
    ("soap", "covariances, eigenbases and steps of SOAP's kernels"),
    ("random", "random words, permutations and orders, bit for bit"),
    ("sampler", "points: bits, strata, regions, independence of axes, sets and steps"),
    ("gradients", "losses, gradient rows, Gram matrix and coefficients of a step"),
    ("trajectory", "the first 20 steps of a run"),
];

/// The kind that is handed on last.
const LAST: &str = "trajectory";

/// How much is checked.
#[derive(Clone, Default)]
pub struct Options {
    /// Only what concerns these problems, on every form of every network.
    pub problems: Vec<&'static dyn problems::Problem>,
    /// Full-size networks, all published forms and many widths, and denser arguments.
    pub thorough: bool,
    /// Only these kinds of checks, if any are named.
    pub only: Vec<String>,
}

impl Options {
    fn wants(&self, check: &str) -> bool {
        /// What does not depend on a problem.
        const GENERAL: [&str; 7] = ["functions", "schedule", "products", "strategies", "adam", "soap", "random"];
        match self.only.is_empty() {
            true => self.problems.is_empty() || !GENERAL.contains(&check),
            false => self.only.iter().any(|only| only == check),
        }
    }

    fn subjects(&self) -> &[&'static dyn problems::Problem] {
        if self.problems.is_empty() { problems::ALL } else { &self.problems }
    }
}

type Job = Box<dyn Fn(&Gpu, &Options) -> Vec<Finding> + Send + Sync>;

/// Runs the checks on `gpus`, several devices of one adapter that work side by side, and hands each finding on as
/// soon as all before it are known.
///
/// # Panics
/// If there is no device.
pub fn run(gpus: &[Gpu], options: &Options, mut each: impl FnMut(&Finding)) -> Card {
    let start = Instant::now();
    let gpu = &gpus[0];
    let jobs = jobs(gpu, options);
    let results: Vec<Mutex<Option<Vec<Finding>>>> = jobs.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut findings = Vec::new();
    // trajectories come with the gradients of their subject, and are shown after all of those
    let mut held = Vec::new();
    std::thread::scope(|scope| {
        for gpu in gpus {
            let (jobs, results, next, sender) = (&jobs, &results, &next, sender.clone());
            scope.spawn(move || {
                loop {
                    let mine = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(mine) else { break };
                    *results[mine].lock().expect("no holder panics") = Some(job(gpu, options));
                    let _ = sender.send(());
                }
            });
        }
        drop(sender);
        let mut shown = 0;
        while receiver.recv().is_ok() {
            while let Some(done) = results.get(shown).and_then(|r| r.lock().expect("no holder panics").take()) {
                let (now, later): (Vec<_>, Vec<_>) =
                    done.into_iter().filter(|f| options.wants(&f.check)).partition(|f| f.check != LAST);
                now.iter().for_each(&mut each);
                findings.extend(now);
                held.extend(later);
                shown += 1;
            }
        }
    });
    held.iter().for_each(&mut each);
    findings.extend(held);
    for fault in gpus.iter().filter_map(Gpu::fault) {
        findings.push(Finding::broken("functions", "the device itself", fault));
    }
    Card {
        schema: 1,
        kind: KIND.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        adapter: gpu.record().clone(),
        checked: gpu.is_checked(),
        thorough: options.thorough,
        passed: !findings.is_empty() && findings.iter().all(|finding| finding.passed),
        seconds: start.elapsed().as_secs_f64(),
        findings,
    }
}

/// What is to be done, cheap things first: they say most about a broken driver.
fn jobs(gpu: &Gpu, options: &Options) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let wants = |check: &str| options.wants(check);
    if wants("functions") {
        jobs.push(Box::new(|gpu, options| function_findings(gpu, if options.thorough { 4096 } else { 256 })));
    }
    if wants("schedule") {
        jobs.push(Box::new(|gpu, _| one("schedule", "rates and bias corrections", functions::check_schedule(gpu))));
    }
    let emitted = if options.thorough { jets::emitted() } else { Vec::new() };
    let own = |problem: &&'static dyn problems::Problem| {
        let statement = problem.statement();
        let rest = statement.rest.as_ref().map(|rest| rest.jet);
        [Some(statement.main.jet), rest, statement.all.as_ref().ok().map(|all| all.jet)].into_iter().flatten()
    };
    let mut carried: Vec<Jet> = options.problems.iter().flat_map(own).collect();
    carried.dedup();
    let jets = if options.problems.is_empty() { Jet::ALL.into_iter().chain(emitted).collect() } else { carried };
    for jet in jets.into_iter().filter(|_| wants("jets")) {
        jobs.push(Box::new(move |gpu, _| jet_findings(gpu, jet)));
    }
    for subject in products::some(gpu, options.thorough).into_iter().filter(|_| wants("products")) {
        jobs.push(Box::new(move |gpu, _| one("products", &subject.name(), products::check(gpu, &subject))));
    }
    for &problem in options.subjects().iter().filter(|_| wants("equations")) {
        jobs.push(Box::new(move |gpu, _| equation_findings(gpu, problem)));
    }
    for &strategy in strategies::ALL.iter().filter(|_| wants("strategies")) {
        for terms in term_counts() {
            let name = format!("{}, {terms} terms", strategy.name());
            jobs.push(Box::new(move |gpu, _| one("strategies", &name, super::strategies::check(gpu, strategy, terms))));
        }
    }
    // of the others only one has parameters that are not trained
    for (network, variant) in forms().into_iter().chain([(&networks::Fourier as _, Variant::V2)]) {
        if !wants("adam") {
            continue;
        }
        let name = format!("{} {}", network.name(), variant.name());
        jobs.push(Box::new(move |gpu, _| one("adam", &name, update::check(gpu, network, variant))));
    }
    for (network, variant) in forms().into_iter().filter(|_| wants("soap")) {
        let name = format!("{} {}", network.name(), variant.name());
        jobs.push(Box::new(move |gpu, _| one("soap", &name, eigenbases::check(gpu, network, variant))));
    }
    if wants("random") {
        jobs.push(Box::new(|gpu, _| one("random", "words, permutations, orders", random::check_numbers(gpu))));
    }
    let subjects = subjects(gpu, options);
    let usual = |subject: &Subject| subject.optimiser == Optimisation::default();
    for (subject, _) in subjects.iter().filter(|(s, first)| *first && usual(s) && wants("sampler")) {
        // what is drawn does not depend on the network
        let subject =
            Subject { network: networks::ALL[0], plan: &NoGradients, size: [4, 1], points: [257, 53], ..*subject };
        jobs.push(Box::new(move |gpu, _| {
            let report = subject.build(gpu).and_then(|bench| bench.check_sampler());
            one("sampler", subject.problem.name(), report)
        }));
    }
    for (subject, first) in
        subjects.into_iter().filter(|(_, first)| wants("gradients") || *first && wants("trajectory"))
    {
        jobs.push(Box::new(move |gpu, options| step_findings(gpu, options, &subject, first)));
    }
    let papers: [&'static dyn Network; 2] = [&networks::Mlp, &networks::Lda];
    for network in papers.into_iter().chain(others()).filter(|_| options.thorough && wants("gradients")) {
        for &plan in kernels::ALL {
            let name = format!("{} {}, subgroups in any order", network.name(), plan.name());
            jobs.push(Box::new(move |gpu, _| one("gradients", &name, races::check(gpu, &races::case(network, plan)))));
        }
    }
    jobs
}

/// The numbers of terms that problems have.
fn term_counts() -> std::collections::BTreeSet<usize> {
    problems::ALL.iter().map(|problem| problem.terms().len()).collect()
}

/// The paper's two networks in every published form that differs.
fn forms() -> Vec<(&'static dyn Network, Variant)> {
    let mut forms = Vec::new();
    for network in [&networks::Mlp as &'static dyn Network, &networks::Lda] {
        let layout = |variant| {
            let shape = networks::Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant, unknowns: 0 };
            (network.layout(&shape), network.program(&shape).join)
        };
        forms.push((network, Variant::V2));
        if layout(Variant::V1) != layout(Variant::V2) {
            forms.push((network, Variant::V1));
        }
    }
    forms
}

/// The other networks whose kernels are their own.
fn others() -> Vec<&'static dyn Network> {
    let own = |network: &&&'static dyn Network| !["mlp", "lda", "matched"].contains(&network.name());
    networks::ALL.iter().filter(own).copied().collect()
}

/// What each of them is checked on: a problem and a plan of its own, which take turns, or, with time, one problem of each
/// jet by every plan.
fn others_for(problem: &dyn problems::Problem, plan: &dyn kernels::Plan, thorough: bool) -> Vec<&'static dyn Network> {
    let place = |name: &str| problems::ALL.iter().position(|p| p.name() == name).unwrap_or(0);
    let first_of_its_jet = problems::ALL.iter().position(|p| p.jet() == problem.jet()) == Some(place(problem.name()));
    let takes = |(i, network): &(usize, &'static dyn Network)| {
        let fits = network.fit(oracle::shape(problem, 4, 1, Variant::V2)).is_ok();
        let turn = i % problems::ALL.len() == place(problem.name());
        let own_plan = kernels::ALL[i % kernels::ALL.len()].name() == plan.name();
        fits && if thorough { first_of_its_jet } else { turn && own_plan }
    };
    others().into_iter().enumerate().filter(takes).map(|(_, network)| network).collect()
}

/// The forms that `problem` is checked on. A form of a network meets a problem in its jet, its residual and its number
/// of fields; residuals are checked by themselves, so problems of one jet share the forms among them.
fn forms_for(problem: &dyn problems::Problem, thorough: bool) -> Vec<(&'static dyn Network, Variant)> {
    let relatives: Vec<_> = problems::ALL.iter().filter(|other| other.jet() == problem.jet()).collect();
    let place = relatives.iter().position(|other| other.name() == problem.name()).unwrap_or(0);
    let forms = forms();
    let shares = if thorough { 1 } else { relatives.len().min(forms.len()) };
    forms.into_iter().enumerate().filter(|(form, _)| form % shares == place % shares).map(|(_, form)| form).collect()
}

/// Every problem and every jet on every form of the paper's networks, or, with time, every problem on every form, by the
/// first plan; the first problem by the other plans too, or, with time, all; the other networks; and whether it is the
/// problem's first.
fn subjects(gpu: &Gpu, options: &Options) -> Vec<(Subject, bool)> {
    let thorough = options.thorough;
    // software rendering compiles slowly: small tiles there, unless there is time
    let sizes = if gpu.is_software() && !thorough { Sizes::Small } else { Sizes::Default };
    let mut subjects = Vec::new();
    let mut strategies = strategies::ALL.iter().rev().cycle();
    // a width that no tile fits
    let widths: &[[usize; 2]] = if thorough { &[[7, 2], [50, 4], [13, 3], [37, 2], [128, 2]] } else { &[[13, 2]] };
    for &problem in options.subjects() {
        let mut first = true;
        for &plan in kernels::ALL {
            let first_plan = plan.name() == kernels::ALL[0].name();
            let alone = problem.name() == options.subjects()[0].name();
            let papers = forms_for(problem, thorough || !options.problems.is_empty())
                .into_iter()
                .filter(|_| first_plan || alone || thorough);
            let others = others_for(problem, plan, thorough).into_iter().map(|network| (network, Variant::V2));
            for (network, variant) in papers.chain(others) {
                for &size in widths {
                    let strategy = *strategies.next().expect("a cycle has no end");
                    let optimiser = Optimisation::default();
                    let subject =
                        Subject { problem, network, variant, strategy, optimiser, plan, size, points: [19, 5], sizes };
                    subjects.push((subject, first));
                    first = false;
                }
            }
        }
    }
    // other optimisers differ in what follows the gradients
    let others = optimisers::ALL.iter().filter(|optimiser| optimiser.name() != "adam");
    let others: Vec<_> =
        others.map(|&optimiser| (Subject { optimiser: Optimisation::of(optimiser), ..subjects[0].0 }, true)).collect();
    subjects.extend(others);
    subjects
}

fn one(check: &str, subject: &str, report: Result<super::Report>) -> Vec<Finding> {
    vec![match report {
        Ok(report) => Finding::of(check, subject, &report),
        Err(error) => Finding::broken(check, subject, error),
    }]
}

fn function_findings(gpu: &Gpu, density: u32) -> Vec<Finding> {
    let measured = match functions::check(gpu, density) {
        Ok(measured) => measured,
        Err(error) => return vec![Finding::broken("functions", "all", error)],
    };
    let finding = |m: functions::Measured| {
        let mut finding = match &m.report {
            Some(report) => Finding::of("functions", m.name, report),
            // the device's own: measured, but nothing relies on it
            None => Finding { passed: true, ..Finding::of("functions", m.name, &super::Report::default()) },
        };
        let numbers = [("ulp", m.worst_ulp), ("absolute", m.worst_absolute)];
        finding.measured = numbers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        finding.wgsl_allows = m.allowance.to_owned();
        finding
    };
    measured.into_iter().map(finding).collect()
}

fn jet_findings(gpu: &Gpu, jet: Jet) -> Vec<Finding> {
    match jets::check(gpu, jet) {
        Ok(reports) => {
            let finding = |(name, report)| Finding::of("jets", format!("{}: {name}", jet.name()), &report);
            reports.into_iter().map(finding).collect()
        }
        Err(error) => vec![Finding::broken("jets", jet.name(), error)],
    }
}

fn equation_findings(gpu: &Gpu, problem: &'static dyn problems::Problem) -> Vec<Finding> {
    let name = problem.name();
    let mut findings = Vec::new();
    for (reports, what) in [
        (equations::check_residual(gpu, problem).map(Some), ["residual", "adjoint"]),
        (equations::check_conditions(gpu, problem), ["conditions", "conditions' adjoint"]),
    ] {
        match reports {
            Ok(None) => {}
            Ok(Some(reports)) => findings.extend(
                what.iter()
                    .zip(reports)
                    .map(|(what, report)| Finding::of("equations", format!("{name}: {what}"), &report)),
            ),
            Err(error) => findings.push(Finding::broken("equations", format!("{name}: {}", what[0]), error)),
        }
    }
    if let Some(data) = equations::check_data(gpu, problem).transpose() {
        findings.extend(one("equations", &format!("{name}: data"), data));
    }
    findings
}

fn step_findings(gpu: &Gpu, options: &Options, subject: &Subject, first: bool) -> Vec<Finding> {
    let name = subject.name();
    let mut bench = match subject.build(gpu) {
        Ok(bench) => bench,
        Err(error) => return vec![Finding::broken("gradients", name, error)],
    };
    let mut findings = Vec::new();
    if options.wants("gradients") {
        findings.extend(one("gradients", &name, bench.check_gradients()));
    }
    if (first || options.thorough) && options.wants("trajectory") {
        findings.extend(one("trajectory", &name, bench.check_trajectory()));
    }
    findings
}
