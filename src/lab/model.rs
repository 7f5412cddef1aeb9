//! What a step should take on a graphics card that is not here, from counts: multiply–adds, instructions, lines of the first
//! cache, bytes of memory. Of each kernel the slowest of these is its time. Nothing of this has been compared with a card
//! yet; the assumptions are constants below and are printed with every result.
//!
//! Instructions are counted as a compiler emits them: its overhead over the bare multiply–adds was read in the loops of the
//! `gpu` target's kernel `fused` (Klein–Gordon, LDA 4×50, 32 lanes × 5 groups, 10 rows): by ptxas 13 for sm_90 after another
//! front end than the Vulkan driver's, and by Mesa 25.0 (ACO) for navi31.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::gpu::Capabilities;
use crate::kernels::blueprint::{DispatchSpec, Size};
use crate::kernels::group::{Group, groups};
use crate::kernels::{Blueprint, Fused, Setup, Tile, gpu, work};
use crate::math::Jet;
use crate::networks::Program;

/// A graphics card. Multiprocessors are compute units (AMD) or cores (Apple).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Card {
    pub name: &'static str,
    pub multiprocessors: usize,
    /// Of a multiprocessor; each issues one instruction of 32 threads per cycle.
    pub schedulers: usize,
    pub ghz: f64,
    /// Bytes of memory per second, in billions.
    pub gbs: f64,
    /// The last cache before memory.
    pub cache_mib: f64,
    /// Registers of 32 bits, of a multiprocessor.
    pub registers: usize,
    /// Subgroups that a multiprocessor holds at most.
    pub subgroups: usize,
    /// Lines of 128 bytes that the first cache delivers per cycle.
    pub lines: f64,
    /// Cycles until a load from the last cache, and from memory, is there.
    pub latency: [f64; 2],
    /// Between a dispatch and the next that waits for it.
    pub launch_us: f64,
    pub code: Code,
}

/// What a compiler makes of the kernels.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Code {
    pub source: &'static str,
    /// Registers of a thread of `fused`.
    pub registers: usize,
    /// Multiply–adds per instruction of a product, of a weight gradient with more than two columns per lane, and with two.
    pub product: f64,
    pub wide_gradient: f64,
    pub narrow_gradient: f64,
}

const SM_90: Code =
    Code { source: "ptxas 13, sm_90", registers: 168, product: 0.82, wide_gradient: 0.85, narrow_gradient: 0.74 };
const NAVI31: Code = Code {
    source: "ACO of Mesa 25.0, navi31",
    registers: 120,
    product: 0.74,
    wide_gradient: 0.83,
    narrow_gradient: 0.68,
};

/// By their makers' data sheets, at boost clock; lines, latencies and launches are round numbers of published
/// microbenchmarks. Of Apple's nothing but cores, clock and bandwidth is documented.
pub const CARDS: [Card; 4] = [
    Card {
        name: "H100 SXM",
        multiprocessors: 132,
        schedulers: 4,
        ghz: 1.98,
        gbs: 3350.0,
        cache_mib: 50.0,
        registers: 65_536,
        subgroups: 64,
        lines: 1.0,
        latency: [270.0, 700.0],
        launch_us: 3.0,
        code: SM_90,
    },
    Card {
        name: "RTX 4090",
        multiprocessors: 128,
        schedulers: 4,
        ghz: 2.52,
        gbs: 1008.0,
        cache_mib: 72.0,
        registers: 65_536,
        subgroups: 48,
        lines: 1.0,
        latency: [280.0, 750.0],
        launch_us: 3.0,
        code: Code { source: "ptxas 13, sm_90; the loops that count are the same for sm_89", ..SM_90 },
    },
    Card {
        name: "RX 7900 XTX",
        multiprocessors: 96,
        schedulers: 2,
        ghz: 2.5,
        gbs: 960.0,
        cache_mib: 96.0,
        registers: 98_304,
        subgroups: 32,
        lines: 0.5,
        latency: [350.0, 900.0],
        launch_us: 4.0,
        code: NAVI31,
    },
    Card {
        name: "Apple M2",
        multiprocessors: 10,
        schedulers: 4,
        ghz: 1.398,
        gbs: 100.0,
        cache_mib: 8.0,
        registers: 53_248,
        subgroups: 96,
        lines: 0.5,
        latency: [300.0, 600.0],
        launch_us: 8.0,
        code: Code { source: "no compiler of Apple's was at hand: sm_90's, assumed", ..SM_90 },
    },
];

/// Bytes that one storage binding is taken to hold, as drivers of such cards offer; WebGPU guarantees 128 MiB.
const BINDING: u64 = 2 << 30;
/// Bytes of a line of the first cache.
const LINE: usize = 128;

// Instructions of one row for jets of four numbers, loads and stores included, as read for sm_90. For jets of eight they are
// taken twice, because their compiled loops have not been read.
const FORWARD_ROW: f64 = 97.0; // a row through its activation
const JOIN_ROW: f64 = 20.0; // more, where it goes through the join as well
const ADJOINT_ROW: f64 = 75.0; // a cotangent's row through the activation
const JOIN_BAR_ROW: f64 = 60.0; // more, where the join has a part in it
const STAGED_JET: f64 = 24.0; // a jet on its way into workgroup memory
const STAGED_PASS: f64 = 72.0; // the loop around a single one
const INPUT_POINT: f64 = 45.0; // a point of a gradient against the coordinates
const BIAS_POINT: f64 = 2.0; // a point of a bias alone: a load and an addition
const OUTPUT_COLUMN: f64 = 7.0; // a column of the output layer
const OUTPUT_ADJOINT_ROW: f64 = 50.0;
const OUTPUT_GRADIENT_POINT: f64 = 21.0;
const RESIDUAL: f64 = 700.0; // inputs, residual and its adjoint, of a thread, once per tile

/// Rounds of loads that wait for each other in the small kernels, coefficients and update, as read in their texts.
const COEFFICIENT_ROUNDS: f64 = 40.0;
const UPDATE_ROUNDS: f64 = 3.0;

/// What one tile takes of something, summed over the subgroups of its workgroup.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Count {
    pub stage: String,
    /// Of single numbers, per tile: 32 in an instruction.
    pub multiply_adds: f64,
    /// Of subgroups.
    pub instructions: f64,
    /// Of the first cache and of workgroup memory.
    pub lines: f64,
}

/// What bounds a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    Issue,
    Lines,
    Memory,
    Latency,
}

impl Bound {
    /// For listings.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Issue => "issue",
            Bound::Lines => "lines",
            Bound::Memory => "memory",
            Bound::Latency => "latency",
        }
    }
}

/// The prediction for one dispatch; times in µs.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    pub kernel: String,
    pub workgroups: usize,
    /// Of a workgroup that a multiprocessor holds at once, and tiles of the busiest over their mean.
    pub resident: usize,
    pub imbalance: f64,
    /// Share of cycles in which a scheduler finds a subgroup that is not waiting.
    pub ready: f64,
    pub issue_us: f64,
    pub lines_us: f64,
    pub memory_us: f64,
    pub latency_us: f64,
    pub launch_us: f64,
    pub us: f64,
    pub bound: Bound,
}

/// The prediction for one card.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    pub card: Card,
    pub us: f64,
    /// The same if no scheduler ever waited: between the two lies what better hiding of latency could bring.
    pub unwaiting_us: f64,
    pub kernels: Vec<Kernel>,
}

/// The prediction for one step on every card.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    pub flop: f64,
    pub tile: Tile,
    /// Per tile of the equation.
    pub stages: Vec<Count>,
    pub cards: Vec<Prediction>,
    pub assumptions: Vec<String>,
}

/// Multiply–adds of a product for two columns and a block of rows, and what a compiler adds: that does not shrink with the
/// jet, and grows with its vectors.
fn pair(tile: &gpu::Gpu, jet: Jet, code: &Code) -> [f64; 2] {
    let read = 80.0; // multiply–adds of the loop that was read
    [(2 * tile.rows * jet.streams()) as f64, read * (1.0 / code.product - 1.0) * jet.texels() as f64]
}

/// Counts of a tile whose points carry `jet`, stage by stage, all layers together.
pub fn counts(setup: &Setup, program: &Program, tile: &gpu::Gpu, jet: Jet, code: &Code) -> Vec<Count> {
    let shape = &setup.shape;
    let (streams, texels) = (jet.streams() as f64, jet.texels() as f64);
    let (rows, lanes, threads) = (tile.rows as f64, tile.lanes, tile.lanes * tile.groups);
    let subgroups = threads as f64 / 32.0;
    // groups of lanes are subgroups of 32
    let blocks = tile.blocks(shape) as f64 * lanes as f64 / 32.0;
    let stride = shape.width.next_multiple_of(tile.rows);
    let jet_lines = (32 * gpu::jet_bytes(jet)).div_ceil(LINE) as f64;
    let [pair_adds, pair_extra] = pair(tile, jet, code);
    let weight_lines = (2 * tile.rows).div_ceil(4) as f64;
    let product = |columns: usize| {
        let trips = columns.div_ceil(2) as f64 * blocks;
        [32.0 * trips * pair_adds, trips * (pair_adds + pair_extra), trips * (2.0 * jet_lines + weight_lines)]
    };
    let row = |instructions: f64, jets: f64| {
        let all = blocks * rows;
        [0.0, all * instructions * texels, all * jets * jet_lines]
    };
    let parts = program.parts();
    let part = tile.part(shape, jet, &parts);
    let passes = (lanes / part) as f64;
    let gradient = |columns: usize| {
        let each = tile.columns_of(columns);
        let chunks = columns.div_ceil(each * lanes) as f64;
        let [ratio, of] = if each > 2 { [code.wide_gradient, 200.0] } else { [code.narrow_gradient, 80.0] };
        let adds = rows * each as f64 * streams;
        let points = blocks * chunks * lanes as f64;
        let staged = (each * lanes * part).div_ceil(threads) as f64 * passes * chunks * subgroups;
        [
            32.0 * points * adds,
            points * (adds + of * (1.0 / ratio - 1.0) * texels) + staged * STAGED_JET * texels,
            points * (rows * texels + each as f64 * jet_lines) + staged * 2.0 * jet_lines,
        ]
    };
    let inputs = |coordinates: bool| {
        let rows = tile.input_rows(shape, &parts);
        let turns = shape.width.div_ceil(rows) as f64 * passes;
        let staged = (rows * part).div_ceil(threads) as f64;
        // of the subgroups that have rows
        let points = turns * part as f64 * rows.div_ceil(32) as f64;
        let passes = turns * subgroups * (STAGED_PASS + staged * STAGED_JET) * texels;
        let lines = turns * subgroups * 2.0 * jet_lines;
        if !coordinates {
            return [0.0, passes + points * BIAS_POINT, lines];
        }
        let adds = 32.0 * points * shape.inputs as f64 * streams;
        [adds, passes + points * INPUT_POINT * texels, lines + 3.0 * points * jet_lines]
    };
    let (depth, joins) = (shape.depth as f64, program.join.is_some());
    let mut all: Vec<Count> = Vec::new();
    let mut add = |stage: String, times: f64, [multiply_adds, instructions, lines]: [f64; 3]| {
        let known = all.iter().position(|count| count.stage == stage);
        let at = known.unwrap_or_else(|| {
            all.push(Count { stage, ..Count::default() });
            all.len() - 1
        });
        all[at].multiply_adds += times * multiply_adds;
        all[at].instructions += times * instructions;
        all[at].lines += times * lines;
    };
    for (m, map) in program.maps.iter().enumerate() {
        let (depth, name) = (if map.shared { 1.0 } else { depth }, map.name);
        for layer in 0..depth as usize {
            let columns = |parts: usize| if parts == 0 { shape.inputs } else { parts * stride };
            let (features, pulls) = (program.features(m, layer).len(), program.pulls(m, layer).len());
            add(format!("{name}: product"), 1.0, product(columns(features)));
            if pulls > 0 {
                add(format!("{name}: transpose"), pulls as f64, product(stride));
            }
            if features > 0 {
                add(format!("{name}: gradient"), 1.0, gradient(features * stride));
            }
        }
        let last = joins && m + 1 == program.maps.len();
        add(
            format!("{name}: activation"),
            depth,
            row(FORWARD_ROW + if last { JOIN_ROW } else { 0.0 }, if last { 6.0 } else { 3.0 }),
        );
        if !map.trained() {
            continue;
        }
        add(format!("{name}: adjoint"), depth, row(ADJOINT_ROW + if joins { JOIN_BAR_ROW } else { 0.0 }, 4.0));
        for layer in 0..depth as usize {
            let coordinates = program.features(m, layer).is_empty();
            add("gradients of inputs and biases".into(), 1.0, inputs(coordinates));
        }
    }
    let (fields, width, points) = (shape.outputs as f64, shape.width as f64, lanes as f64);
    let output_adds = 32.0 * 3.0 * fields * width * streams * points / 32.0;
    let output = fields * width * OUTPUT_COLUMN * points / 32.0
        + blocks * rows * OUTPUT_ADJOINT_ROW
        + (width + 1.0).div_euclid(32.0).max(1.0) * points * OUTPUT_GRADIENT_POINT * fields
        + subgroups * RESIDUAL;
    let output_lines =
        fields * width * (jet_lines + 1.0) + blocks * rows * (fields + 1.0) * jet_lines + width * points * texels;
    add("output layer and residual".into(), 1.0, [output_adds, output * texels, output_lines]);
    all
}

/// Predicts a step by the plan `fused` on every card.
///
/// # Errors
/// Another plan or target, of which nothing is known, or a tile that cannot be.
pub fn model(setup: &Setup, plan: &dyn crate::kernels::Plan, tile: Option<Tile>) -> Result<Model> {
    if plan.name() != "fused" {
        return Err(Error::Usage(format!("the model knows the plan fused, not {}: leave --plan out", plan.name())));
    }
    let offered = Capabilities { binding: BINDING, ..Capabilities::webgpu() };
    let tile = tile.unwrap_or_else(|| Tile::default_for(&offered, setup));
    let Tile::Gpu(sizes) = tile else {
        return Err(Error::Usage("the model knows the target gpu: leave --target out".into()));
    };
    let blueprint = Blueprint::new(setup, &Fused, &tile, &offered)?;
    let groups = groups(setup, &sizes)?;
    let cards = CARDS.iter().map(|card| predict(setup, &groups, &blueprint, &sizes, card)).collect();
    let stages = counts(setup, &setup.network.program(&setup.shape), &sizes, setup.problem.jet(), &CARDS[0].code);
    Ok(Model { flop: work::flop(setup, |_| true), tile, stages, cards, assumptions: assumptions() })
}

fn assumptions() -> Vec<String> {
    let mut all = vec![
        "nothing of this has been compared with a graphics card yet".to_owned(),
        "a kernel takes the longest of: issuing its instructions on the busiest multiprocessor, lines of the first cache, bytes \
         of memory, loads that wait for each other; kernels follow one another, each with its launch"
            .to_owned(),
        format!(
            "one storage binding holds {} MiB (WebGPU guarantees 128, with which workgroups are fewer and walk over more tiles)",
            BINDING >> 20
        ),
        "results of all layers are written to memory and read back once; what is used within a layer stays in the last cache; \
         slabs are written and read once, and stay in the last cache where all fit into half of it"
            .to_owned(),
        "a subgroup waits for the last cache once per two columns of a product, for loads that go out together, and elsewhere as often".to_owned(),
        "boost clock throughout; elementwise instructions are sm_90's on every card, taken twice for jets of more than four numbers"
            .to_owned(),
    ];
    all.extend(CARDS.iter().map(|card| {
        let code = &card.code;
        format!(
            "{}: {} × {} schedulers at {} GHz, {} GB/s, {} MiB of cache, {} registers each, launch {} µs; code of {}: {} registers, \
             multiply–adds per instruction {} in products, {} and {} in gradients",
            card.name, card.multiprocessors, card.schedulers, card.ghz, card.gbs, card.cache_mib, card.registers, card.launch_us,
            code.source, code.registers, code.product, code.wide_gradient, code.narrow_gradient
        )
    }));
    all
}

fn predict(setup: &Setup, groups: &[Group], blueprint: &Blueprint, tile: &gpu::Gpu, card: &Card) -> Prediction {
    let sample = setup.resampled.then_some(&blueprint.sample);
    // a probe rests in nearly all steps
    let gradients = blueprint.gradients.iter().filter(|dispatch| !dispatch.label.ends_with(", probe"));
    let dispatches = sample.into_iter().chain(gradients).chain(&blueprint.update);
    let mut carrying = groups.iter();
    let kernels: Vec<Kernel> = dispatches
        .map(|dispatch| match (blueprint.kernels[dispatch.kernel].label, dispatch.size) {
            ("fused", Size::Workgroups(workgroups)) => {
                let group = carrying.next().expect("a dispatch per group");
                let points = |share| work::points_of(setup, share).div_ceil(tile.lanes);
                let tiles = group.shares.iter().map(points).sum();
                fused(setup, blueprint, tile, card, dispatch, (group.jet, workgroups, tiles))
            }
            (label, size) => small(blueprint, card, dispatch, label, size),
        })
        .collect();
    let unwaiting = |kernel: &Kernel| finish(Kernel { issue_us: kernel.issue_us * kernel.ready, ..kernel.clone() }).us;
    Prediction {
        card: *card,
        us: kernels.iter().map(|kernel| kernel.us).sum(),
        unwaiting_us: kernels.iter().map(unwaiting).sum(),
        kernels,
    }
}

/// Bytes of a buffer that a dispatch binds.
fn bytes_of(blueprint: &Blueprint, dispatch: &DispatchSpec, variable: &str) -> f64 {
    let name = dispatch.buffers.iter().find(|(known, _)| *known == variable).map(|(_, name)| name.as_str());
    let buffer = blueprint.buffers.iter().find(|buffer| Some(buffer.name.as_str()) == name);
    buffer.map_or(0.0, |buffer| buffer.bytes as f64)
}

fn fused(
    setup: &Setup,
    blueprint: &Blueprint,
    tile: &gpu::Gpu,
    card: &Card,
    dispatch: &DispatchSpec,
    (jet, workgroups, tiles): (Jet, usize, usize),
) -> Kernel {
    let program = setup.network.program(&setup.shape);
    let all = counts(setup, &program, tile, jet, &card.code);
    let of_tile = |what: fn(&Count) -> f64| all.iter().map(what).sum::<f64>();
    let subgroups = (tile.lanes * tile.groups).div_ceil(32);
    let by_registers = card.registers / (card.code.registers * 32 * subgroups);
    let resident = by_registers.min(card.subgroups / subgroups).max(1);
    let busiest = workgroups.div_ceil(card.multiprocessors);
    let walk = tiles.div_ceil(workgroups) as f64;
    let load = busiest as f64 * walk;
    // a subgroup computes for one trip and then waits for the next one's operands; others fill the gap
    let [adds, extra] = pair(tile, jet, &card.code);
    let trip = adds + extra;
    let side_by_side = (resident.min(busiest) * subgroups) as f64 / card.schedulers as f64;
    let ready = (side_by_side * trip / (trip + card.latency[0])).min(1.0);
    let hertz = card.ghz * 1e3;
    let issue_us = load * of_tile(|count| count.instructions) / card.schedulers as f64 / ready / hertz;
    let lines_us = load * of_tile(|count| count.lines) / card.lines / hertz;
    // results of every layer, there and back, and slabs
    let shape = &setup.shape;
    let results = program.maps.iter().filter(|map| !map.shared).count() + usize::from(program.join.is_some());
    let vector = gpu::jet_bytes(jet) * shape.width.next_multiple_of(tile.rows) * tile.lanes;
    let features = 2.0 * (tiles * shape.depth * results * vector) as f64;
    let slabs = (workgroups * 16 * blueprint.packing.slab_vectors) as f64 * (2.0 * walk - 1.0);
    let memory_us = (features + slabs) / card.gbs / 1e3;
    let imbalance = load / (tiles as f64 / card.multiprocessors as f64);
    finish(Kernel {
        kernel: dispatch.label.clone(),
        workgroups,
        resident,
        imbalance,
        ready,
        issue_us,
        lines_us,
        memory_us,
        latency_us: 0.0,
        launch_us: card.launch_us,
        us: 0.0,
        bound: Bound::Issue,
    })
}

/// Kernels with little arithmetic: bytes, and loads that wait for each other.
fn small(blueprint: &Blueprint, card: &Card, dispatch: &DispatchSpec, label: &str, size: Size) -> Kernel {
    let slabs: f64 =
        blueprint.buffers.iter().filter(|buffer| buffer.name == "slabs").map(|buffer| buffer.bytes as f64).sum();
    let cached = slabs < card.cache_mib * (1 << 19) as f64;
    let latency = card.latency[usize::from(!cached)];
    let bytes = |names: &[&str]| names.iter().map(|name| bytes_of(blueprint, dispatch, name)).sum::<f64>();
    let (moved, waits) = match label {
        // a thread adds up its vector of all slabs, four at a time
        "reduce" => {
            let each = (16 * blueprint.packing.slab_vectors) as f64;
            (if cached { 0.0 } else { slabs } + bytes(&["rows", "owners"]), (slabs / each / 4.0).ceil() * latency)
        }
        "coefficients_of" => (0.0, COEFFICIENT_ROUNDS * card.latency[0]),
        "update" => (bytes(&["rows", "places", "parameters", "moments", "weights"]), UPDATE_ROUNDS * card.latency[1]),
        _ => (bytes(&["points", "samples"]), UPDATE_ROUNDS * card.latency[0]),
    };
    let workgroups = match size {
        Size::Workgroups(count) => count,
        Size::Threads(count) => count.div_ceil(64),
    };
    finish(Kernel {
        kernel: dispatch.label.clone(),
        workgroups,
        resident: 1,
        imbalance: 1.0,
        ready: 1.0,
        issue_us: 0.0,
        lines_us: 0.0,
        memory_us: moved / card.gbs / 1e3,
        latency_us: waits / card.ghz / 1e3,
        launch_us: card.launch_us,
        us: 0.0,
        bound: Bound::Latency,
    })
}

/// The longest of a kernel's times, and which it is.
fn finish(kernel: Kernel) -> Kernel {
    let times = [
        (Bound::Issue, kernel.issue_us),
        (Bound::Lines, kernel.lines_us),
        (Bound::Memory, kernel.memory_us),
        (Bound::Latency, kernel.latency_us),
    ];
    let (bound, longest) = times.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("there are four");
    Kernel { us: longest + kernel.launch_us, bound, ..kernel }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::{Draft, Options};

    fn klein_gordon() -> crate::training::Config {
        let options = Options { preset: Some("paper".into()), ..Options::default() };
        Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("paper").unwrap()
    }

    const TILE: gpu::Gpu = gpu::Gpu { lanes: 32, groups: 5, rows: 10, columns: 5, slabs: 1024 };

    fn of(stages: &[Count], name: &str) -> Count {
        stages.iter().find(|count| count.stage == name).unwrap_or_else(|| panic!("no stage {name}")).clone()
    }

    #[test]
    fn stages_of_klein_gordon_by_hand() {
        let config = klein_gordon();
        let setup = config.setup();
        let program = setup.network.program(&setup.shape);
        let stages = counts(&setup, &program, &TILE, setup.problem.jet(), &SM_90);
        // W is 50×50 in three layers and 50×2 in the first: (3·50 + 2)·50 multiply–adds of jets of 4, for 32 points
        assert_eq!(of(&stages, "s: product").multiply_adds, f64::from((3 * 50 + 2) * 50 * 4 * 32));
        // G is 50×150, in four layers
        assert_eq!(of(&stages, "q: product").multiply_adds, f64::from(4 * 150 * 50 * 4 * 32));
        assert_eq!(of(&stages, "q: transpose").multiply_adds, f64::from(4 * 150 * 50 * 4 * 32));
        // 25 trips of two columns in each of five blocks: 80 multiply–adds and 80 (1/0.82 − 1) more; 2 jets of 4 lines, 5 of weights
        let d = of(&stages, "w: product");
        assert!((d.instructions - 4.0 * 125.0 * 80.0 / 0.82).abs() < 1e-6, "{}", d.instructions);
        assert_eq!(d.lines, 4.0 * 125.0 * 13.0);
        // 160 columns of which 150 are there, in one chunk of five per lane
        assert_eq!(of(&stages, "q: gradient").multiply_adds, f64::from(4 * 160 * 50 * 4 * 32));
    }

    #[test]
    fn the_arithmetic_is_that_of_the_step() {
        let config = klein_gordon();
        let found = model(&config.setup(), config.plan, Some(Tile::Gpu(TILE))).unwrap();
        // 11.4 GFLOP for the equation, 0.2 to 0.3 for its conditions
        assert!((11.5e9..11.9e9).contains(&found.flop), "{}", found.flop);
        let products = |count: &&Count| count.stage.ends_with("product") || count.stage.ends_with("transpose");
        let adds: f64 = found.stages.iter().filter(products).map(|count| count.multiply_adds).sum();
        // 19 squares of 50 each way for jets of 4, and the coordinates of 9 maps, which carry whole jets here
        assert_eq!(adds, f64::from(32 * 4 * (2 * 19 * 2500 + 9 * 100)));
    }

    #[test]
    fn a_kernel_takes_its_longest_time_and_a_step_their_sum() {
        let config = klein_gordon();
        let found = model(&config.setup(), config.plan, None).unwrap();
        for prediction in &found.cards {
            let sum: f64 = prediction.kernels.iter().map(|kernel| kernel.us).sum();
            assert!((sum - prediction.us).abs() < 1e-9);
            assert!(prediction.unwaiting_us <= prediction.us);
            // nobody issues more than one multiply–add per scheduler, lane and cycle
            let card = &prediction.card;
            let peak = (card.multiprocessors * card.schedulers * 64) as f64 * card.ghz * 1e3;
            assert!(prediction.unwaiting_us > found.flop / peak, "{}: {} µs", card.name, prediction.us);
            for kernel in &prediction.kernels {
                let longest = kernel.issue_us.max(kernel.lines_us).max(kernel.memory_us).max(kernel.latency_us);
                assert_eq!(kernel.us, longest + kernel.launch_us);
            }
        }
        assert!(model(&config.setup(), &crate::kernels::Unfused, None).is_err());
    }
}
