//! Every problem on every network: losses, gradient rows and coefficients of the fused kernels against the
//! oracle, which shares no derivative with them.

mod common;

use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::raster::Raster;
use acr_pinn_gpu::kernels::{self, Tile, default_tile, gpu};
use acr_pinn_gpu::lab::steps::{self, SMALL};
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{self, DirectInjection, Fourier, Lda, Mlp, ModifiedMlp, Network, StaticGate};
use acr_pinn_gpu::oracle;
use acr_pinn_gpu::problems::{self, Cavity, KleinGordon, Problem, Schrodinger};
use common::{Case, Report};

const KLEIN_GORDON: &dyn Problem = &KleinGordon::DEFAULT;
const CAVITY: &dyn Problem = &Cavity::DEFAULT;

/// Two groups of lanes that share the rows unevenly, for the target `gpu`.
const TWO_GROUPS: Tile = Tile::Gpu(gpu::Gpu { groups: 2, ..SMALL });

/// Quick to compile, for the target that runs take on this adapter.
fn small(gpu: &Gpu, case: &Case) -> Tile {
    steps::small(gpu, &case.setup())
}

/// The adapter's own tile with other sizes, where it is one of the target `raster`.
fn raster(gpu: &Gpu, case: &Case, sizes: impl Fn(Raster) -> Raster) -> Option<Tile> {
    match default_tile(gpu, &case.setup()) {
        Tile::Raster(tile) => Some(Tile::Raster(sizes(tile))),
        Tile::Gpu(_) => None,
    }
}

fn thorough() -> bool {
    std::env::var("ACR_PINN_TESTS").is_ok_and(|value| value == "thorough")
}

/// The paper's networks with their published forms, which differ for one only.
fn forms() -> [(&'static dyn Network, Variant); 3] {
    [(&Mlp, Variant::V2), (&Lda, Variant::V1), (&Lda, Variant::V2)]
}

/// The other networks whose kernels are their own.
fn others() -> Vec<&'static dyn Network> {
    networks::ALL.iter().copied().filter(|network| !["mlp", "lda", "matched"].contains(&network.name())).collect()
}

fn first_of_its_jet(problem: &dyn Problem) -> bool {
    problems::ALL.iter().find(|p| p.jet() == problem.jet()).is_some_and(|p| p.name() == problem.name())
}

fn fits(network: &dyn Network, problem: &dyn Problem) -> bool {
    network.fit(oracle::shape(problem, 4, 1, Variant::V2)).is_ok()
}

/// Every problem on every form of every network, for the target that runs take here by every plan in turn.
#[test]
fn every_problem_on_every_network() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let mut plans = kernels::ALL.iter().cycle();
    for &problem in problems::ALL {
        for (network, variant) in forms() {
            let mut case = Case::new(problem, network, variant, [7, 2], &[19, 5, 3, 7]);
            case.tile = Some(small(&gpu, &case));
            // V2 starts with its gates at rest, where most of their gradients vanish
            wake_gates(&mut case);
            for &plan in kernels::ALL.iter().filter(|_| thorough()).chain(plans.next().filter(|_| !thorough())) {
                case.plan = plan;
                case.verify(&gpu, &mut report);
            }
        }
    }
    report.finish();
}

/// The other networks on one problem of each jet, for the target that runs take here, by every plan in turn.
#[test]
fn every_jet_on_the_other_networks() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let mut plans = kernels::ALL.iter().cycle();
    for &problem in problems::ALL.iter().filter(|problem| thorough() || first_of_its_jet(**problem)) {
        for network in others().into_iter().filter(|network| fits(*network, problem)) {
            let mut case = Case::new(problem, network, Variant::V2, [7, 2], &[19, 5, 3, 7]);
            case.tile = Some(small(&gpu, &case));
            wake_gates(&mut case);
            for &plan in kernels::ALL.iter().filter(|_| thorough()).chain(plans.next().filter(|_| !thorough())) {
                case.plan = plan;
                case.verify(&gpu, &mut report);
            }
        }
    }
    report.finish();
}

/// The other networks for the target `gpu`: jets take turns, unless `ACR_PINN_TESTS=thorough` asks for all.
#[test]
fn the_other_networks_on_the_target_gpu() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for (p, &problem) in problems::ALL.iter().filter(|problem| first_of_its_jet(**problem)).enumerate() {
        for (n, network) in others().into_iter().enumerate().filter(|(_, network)| fits(*network, problem)) {
            if !thorough() && (n + p) % 3 != 0 {
                continue;
            }
            let mut case = Case::new(problem, network, Variant::V2, [5, 2], &[11, 5, 3, 7]);
            case.tile = Some(TWO_GROUPS);
            case.plan = kernels::ALL[n % kernels::ALL.len()];
            wake_gates(&mut case);
            case.verify(&gpu, &mut report);
        }
    }
    report.finish();
}

/// The same for the target `gpu`, which software compiles slowly: every problem, network and plan meets each of the others
/// once, unless `ACR_PINN_TESTS=thorough` asks for all.
#[test]
fn every_problem_on_the_target_gpu() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for (p, &problem) in problems::ALL.iter().enumerate() {
        for (n, (network, variant)) in forms().into_iter().enumerate() {
            for (k, &plan) in kernels::ALL.iter().enumerate() {
                if !thorough() && ((p + n) % 3 != 0 || (p / 3 + n) % 3 != k) {
                    continue;
                }
                let mut case = Case::new(problem, network, variant, [5, 2], &[11, 5, 3, 7]);
                case.tile = Some(TWO_GROUPS);
                wake_gates(&mut case);
                case.plan = plan;
                case.verify(&gpu, &mut report);
            }
        }
    }
    report.finish();
}

/// The paper's networks on the tile that a run would take. They compile for long, so one problem stands for those
/// with its jet and the revised networks for both forms, unless `ACR_PINN_TESTS=thorough` asks for all.
#[test]
fn full_size() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let thorough = thorough();
    let chosen = problems::ALL.iter().copied().filter(|&problem| thorough || first_of_its_jet(problem));
    for problem in chosen {
        for (network, variant) in forms().into_iter().filter(|&(_, variant)| thorough || variant == Variant::V2) {
            let mut case = Case::new(problem, network, variant, [50, 4], &[19, 5, 3, 7]);
            let others = if thorough { "" } else { " (ACR_PINN_TESTS=thorough takes every problem and form)" };
            eprintln!("full size: {}{others}", case.name());
            case.verify(&gpu, &mut report);
            if network.name() == "lda" && variant == Variant::V2 {
                wake_gates(&mut case);
                case.verify(&gpu, &mut report);
            }
        }
    }
    report.finish();
}

/// Moves the gates' second matrices and biases a little away from zero.
fn wake_gates(case: &mut Case) {
    for slot in &case.network.layout(&case.shape).slots {
        if slot.name.contains(".2.") || slot.name.starts_with("static_gate_logits.") {
            for i in slot.range() {
                case.parameters[i] += (0.1 * (1.7 * i as f64).sin()) as f32;
            }
        }
    }
}

#[test]
fn other_widths_and_depths() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let cases: [(&'static dyn Problem, &'static dyn Network, [usize; 2]); 10] = [
        (KLEIN_GORDON, &Lda, [7, 3]),
        (CAVITY, &Lda, [13, 2]),
        (KLEIN_GORDON, &Mlp, [13, 1]),
        (CAVITY, &Mlp, [37, 3]),
        (KLEIN_GORDON, &Lda, [37, 1]),
        (CAVITY, &Lda, [4, 8]),
        // columns in two chunks of 76
        (KLEIN_GORDON, &Mlp, [151, 2]),
        (KLEIN_GORDON, &Lda, [128, 1]),
        // as many parameters as LDA 4×50 of the same problem
        (KLEIN_GORDON, &Mlp, [140, 4]),
        // two chunks in the first layer alone
        (KLEIN_GORDON, &Fourier, [77, 2]),
    ];
    for (problem, network, size) in cases {
        let mut case = Case::new(problem, network, Variant::V2, size, &[9, 4, 3]);
        wake_gates(&mut case);
        // the widest would take more loop trips in small pieces than some drivers grant
        case.tile = (size[0] < 100).then_some(small(&gpu, &case));
        case.verify(&gpu, &mut report);
    }
    report.finish();
}

#[test]
fn other_constants_of_the_problems() {
    static LONG: KleinGordon = KleinGordon { horizon: 4.0 };
    static FAST: Cavity = Cavity { reynolds: 400.0 };
    let (gpu, mut report) = (common::gpu(), Report::default());
    for problem in [&LONG as &'static dyn Problem, &FAST] {
        let case = Case::new(problem, &Lda, Variant::V1, [7, 2], &[30, 10, 10]);
        Case { tile: Some(small(&gpu, &case)), ..case }.verify(&gpu, &mut report);
    }
    report.finish();
}

/// Numbers of points that fill no tile, and so many that a workgroup walks over several.
#[test]
fn any_number_of_points() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for (network, counts) in [(&Lda as &'static dyn Network, [1111, 53, 17]), (&Mlp, [777, 16, 1])] {
        let case = Case::new(KLEIN_GORDON, network, Variant::V1, [7, 2], &counts);
        Case { tile: Some(small(&gpu, &case)), ..case }.verify(&gpu, &mut report);
    }
    report.finish();
}

/// A plan cuts the way, it does not change it: losses and rows are those of the first plan, bit by bit, on both targets,
/// with pairs of points, and with several tiles per workgroup.
#[test]
fn every_plan_gives_the_same_rows() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let new = |problem, network, size, counts: &[usize], tile| {
        let case = Case::new(problem, network, Variant::V2, size, counts);
        Case { tile, ..case }
    };
    for mut case in [
        new(KLEIN_GORDON, &Lda, [7, 2], &[1200, 9, 5], None),
        new(&Schrodinger, &Mlp, [5, 2], &[19, 11, 5], Some(TWO_GROUPS)),
        new(CAVITY, &Lda, [5, 1], &[11, 5, 3], Some(TWO_GROUPS)),
        // what layers share, and more feature vectors in the first layer than in the others
        new(KLEIN_GORDON, &ModifiedMlp, [7, 3], &[300, 9, 5], None),
        new(KLEIN_GORDON, &ModifiedMlp, [5, 3], &[19, 9, 5], Some(TWO_GROUPS)),
        new(CAVITY, &Fourier, [7, 2], &[19, 5, 3], None),
        new(KLEIN_GORDON, &Fourier, [5, 2], &[19, 9, 5], Some(TWO_GROUPS)),
        // maps without activation, and one without coordinates
        new(KLEIN_GORDON, &DirectInjection, [5, 2], &[19, 9, 5], Some(TWO_GROUPS)),
        new(CAVITY, &StaticGate, [7, 2], &[19, 5, 3], None),
    ] {
        case.tile = Some(case.tile.unwrap_or_else(|| small(&gpu, &case)));
        wake_gates(&mut case);
        let first = case.on_device(&gpu).unwrap();
        case.compare(&first, &case.in_f64().unwrap(), &mut report);
        for &plan in &kernels::ALL[1..] {
            case.plan = plan;
            let outcome = case.on_device(&gpu).unwrap();
            report.check(outcome.losses == first.losses, || format!("{}: other losses", case.name()));
            report.check(outcome.rows == first.rows, || format!("{}: other rows", case.name()));
        }
    }
    report.finish();
}

/// How a tile is cut among threads must not matter, least of all where groups share rows unevenly.
#[test]
fn any_tile() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let tile = |lanes, groups, rows, columns| Some(Tile::Gpu(gpu::Gpu { lanes, groups, rows, columns, slabs: 32 }));
    for (problem, network, size) in [(KLEIN_GORDON, &Lda as &'static dyn Network, [7, 1]), (CAVITY, &Mlp, [13, 2])] {
        let mut case = Case::new(problem, network, Variant::V2, size, &[45, 20, 7]);
        wake_gates(&mut case);
        let wanted = case.in_f64().unwrap();
        let own = |sizes: fn(Raster) -> Raster| raster(&gpu, &case, sizes);
        let tiles = [
            tile(16, 3, 4, 1),
            tile(4, 2, 6, 3),
            own(|tile| Raster { span: 1, strip: 9, ..tile }),
            own(|tile| Raster { span: 3, strip: 4, images: false, ..tile }),
        ];
        for tile in tiles.into_iter().flatten() {
            case.tile = Some(tile);
            case.compare(&case.on_device(&gpu).unwrap(), &wanted, &mut report);
        }
    }
    let mut odd = Case::new(KLEIN_GORDON, &Mlp, Variant::V2, [7, 2], &[9, 9, 9]);
    odd.tile = tile(8, 1, 3, 1);
    let why = odd.on_device(&gpu).err().map(|error| error.to_string());
    report.check(why.as_ref().is_some_and(|text| text.contains("make it even")), || format!("{why:?}"));
    report.finish();
}

/// Pairs of points must stay together however a tile is cut, and a tile without room for pairs is refused.
#[test]
fn pairs_on_any_tile() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let tile = |lanes, groups| Some(Tile::Gpu(gpu::Gpu { lanes, groups, ..SMALL }));
    let mut case = Case::new(&Schrodinger, &Mlp, Variant::V2, [7, 2], &[9, 21, 5]);
    let wanted = case.in_f64().unwrap();
    let own = raster(&gpu, &case, |tile| Raster { span: 3, strip: 3, ..tile });
    for tile in [tile(2, 3), tile(6, 1), own].into_iter().flatten() {
        case.tile = Some(tile);
        case.compare(&case.on_device(&gpu).unwrap(), &wanted, &mut report);
    }
    case.tile = tile(3, 2);
    let refused = case.on_device(&gpu).err().map(|error| error.to_string());
    report.check(refused.as_ref().is_some_and(|text| text.contains("make it even")), || format!("{refused:?}"));
    report.finish();
}

/// What works at the limits of every WebGPU implementation works anywhere. Without features kernels are those of the target
/// `gpu`.
#[test]
fn at_default_limits() {
    let gpu = Gpu::open_at_default_limits(&common::checked()).unwrap_or_else(|error| panic!("{error}"));
    let mut report = Report::default();
    let case = Case::new(CAVITY, &Lda, Variant::V2, [8, 2], &[19, 5, 3]);
    case.verify(&gpu, &mut report);
    report.finish();
}
