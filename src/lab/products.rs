//! What multiplies, alone: products of packed matrices with feature vectors, their transposes and the gradients of both, of
//! any shape, against plain sums in f64. Numbers are packed and unpacked by the statements that kernels are written from, so a
//! mistake in either shows, and a network that hides it (because two mistakes cancel) is not involved.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Kernel, Part, Resource, Vectors};
use crate::kernels::Tile;
use crate::kernels::gpu::Gpu as GpuTarget;
use crate::kernels::jets;
use crate::kernels::matrix::Matrix;
use crate::kernels::prelude::{Prelude, shader};
use crate::kernels::raster::Raster;
use crate::kernels::target::{Body, Columns, Operand, Product};
use crate::math::{Jet, Variant, rng};
use crate::networks::Shape;

use super::report::{Report, Tolerance};

/// What is multiplied how: a target with its sizes, rows of a feature vector, coordinates, and what a point carries.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    pub tile: Tile,
    pub width: usize,
    pub inputs: usize,
    pub jet: Jet,
}

/// Feature vectors of the kernel: the coordinates, room for sums, three that are multiplied, a cotangent; then results.
const INPUT: usize = 0;
const SUMS: usize = 1;
const A: usize = 4;
const Z: usize = 7;
const RESULTS: usize = 8;
/// The products and the vector that holds what each gives.
const PRODUCTS: [&str; 8] = [
    "coordinates in the first layer",
    "one feature vector in a later layer",
    "coordinates in every layer",
    "three feature vectors",
    "transpose of one",
    "transpose of three, first",
    "transpose of three, second",
    "transpose of three, third",
];
/// Errors count relative to the sum of what is added up without its signs. Sums have up to 390 terms.
const ROUNDING: Tolerance = Tolerance::of_f32(16.0);

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> given: array<Jet>;                 // [vector before RESULTS][row][place]
@group(0) @binding(1) var<storage, read_write> results: array<Jet>;         // [vector from RESULTS on][row][place]
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;          // the slab

fn accumulate(i: u32, g: vec4f) { keep_slab(i, g); }

@compute @workgroup_size(THREADS)
fn products(@builtin(local_invocation_index) index: u32) {
    let local = walked(index);
    enter(local, 0u);
    for (var i = local; i < RESULTS * STRIDE * POINTS; i += THREADS) {
        keep(i / (STRIDE * POINTS), i / POINTS % STRIDE, i % POINTS, given[i]);
    }
    barrier();
    first_or_one(0u);
    first_or_one(1u);
    coordinates(0u);
    three(0u);
    back(0u);
    back_three(0u);
    gradients(local);
}

// In a dispatch of its own, as other kernels read what a tile has left behind.
@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3u) {
    enter(0u, 0u);
    if id.x < (VECTORS - RESULTS) * STRIDE * POINTS {
        results[id.x] = load(RESULTS + id.x / (STRIDE * POINTS), id.x / POINTS % STRIDE, id.x % POINTS);
    }
    if id.x < SLAB { sums[id.x] = slab_vector(id.x); }
}
";

/// Random numbers between −1 and 1; `which` tells matrices apart.
fn random(which: u32, i: usize) -> f32 {
    2.0 * rng::uniform01(rng::philox([i as u32, which, 0, 47], [11, 12])[0]) - 1.0
}

/// A matrix with its biases: the numbers of an unpacked layer.
struct Dense {
    columns: usize,
    entries: Vec<f32>,
    biases: Vec<f32>,
}

impl Dense {
    fn new(which: u32, rows: usize, columns: usize) -> Dense {
        let entries = (0..rows * columns).map(|i| random(which, i)).collect();
        Dense { columns, entries, biases: (0..rows).map(|i| random(which + 100, i)).collect() }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        self.entries[row * self.columns + column]
    }
}

/// A kernel's memory as numbers, and where its parts begin, in `vec4`s.
struct Layout {
    shape: Shape,
    weights: Vec<f32>,
    /// Maps of coordinates, one and three feature vectors; transposes of the last two.
    maps: [usize; 3],
    transposes: [usize; 2],
    /// Gradients against coordinates, one and three feature vectors, and the end.
    slab: [usize; 4],
}

impl Subject {
    /// For failures.
    pub fn name(&self) -> String {
        let Subject { tile, width, inputs, jet } = self;
        format!("{}, width {width}, {inputs} coordinates", jet.name()) + &format!(", {tile:?}")
    }

    fn shape(&self) -> Shape {
        Shape { inputs: self.inputs, outputs: 1, width: self.width, depth: 2, variant: Variant::V2, unknowns: 0 }
    }

    fn dense(&self) -> [Dense; 3] {
        let width = self.width;
        [Dense::new(1, width, self.inputs), Dense::new(2, width, width), Dense::new(3, width, 3 * width)]
    }

    /// Packs the matrices one after the other.
    fn layout(&self, dense: &[Dense; 3]) -> Layout {
        let (shape, target) = (self.shape(), self.tile.target());
        let matrices =
            [Columns::Coordinates, Columns::Features(1), Columns::Features(3)].map(|c| target.map(&shape, c));
        let transpose = target.transpose(&shape);
        let mut end = 0;
        let mut next = |vectors: usize| {
            end += vectors;
            end - vectors
        };
        let maps = matrices.map(|matrix| next(matrix.vectors()));
        let transposes = [1, 3].map(|parts| next(parts * transpose.vectors()));
        let mut weights = vec![0.0; 4 * (end + target.overrun()).next_multiple_of(target.run())];
        // a part of a packed matrix begins a pitch after the part before
        let spread = |column: usize| column / self.width * target.pitch(&shape) + column % self.width;
        for (which, ((matrix, dense), at)) in matrices.iter().zip(dense).zip(maps).enumerate() {
            for row in 0..self.width {
                weights[4 * at + matrix.place(row, None)] = dense.biases[row];
                for column in 0..dense.columns {
                    let packed = if which == 0 { column } else { spread(column) };
                    weights[4 * at + matrix.place(row, Some(packed))] = dense.at(row, column);
                }
            }
        }
        for (dense, at) in dense[1..].iter().zip(transposes) {
            for (row, column) in (0..self.width).flat_map(|row| (0..dense.columns).map(move |column| (row, column))) {
                let part = at + column / self.width * transpose.vectors();
                weights[4 * part + transpose.place(column % self.width, Some(row))] = dense.at(row, column);
            }
        }
        let gradient = |parts: usize| {
            let (matrix, share) = target.gradient(&shape, parts);
            parts / share * matrix.vectors()
        };
        let one = target.input_gradient(&shape).vectors();
        let three = one + gradient(1);
        Layout { shape, weights, maps, transposes, slab: [0, one, three, three + gradient(3)] }
    }

    /// The texts of the kernels `products` and `gather`.
    pub fn parts(&self) -> Vec<Part> {
        self.texts(&self.layout(&self.dense()))
    }

    fn texts(&self, layout: &Layout) -> Vec<Part> {
        let (shape, target) = (&layout.shape, self.tile.target());
        let mut prelude = Prelude::default();
        prelude.u32("WIDTH", self.width).u32("AXES", self.inputs).u32("STRIDE", target.stride(shape));
        prelude.u32("LANES", target.lanes()).u32("GROUPS", target.groups()).u32("THREADS", target.threads());
        prelude.u32("POINTS", target.points()).u32("VECTORS", RESULTS + PRODUCTS.len()).u32("SLAB", layout.slab[3]);
        prelude.u32("INPUT", INPUT).u32("SUMS", SUMS).u32("A", A).u32("Z", Z).u32("RESULTS", RESULTS);
        prelude.f32s("SLOPES", &vec![1.0; self.jet.axes()]).f32s("LAPLACIAN", &vec![1.0; self.jet.axes()]);
        let parts = BTreeSet::from([1, 3]);
        target.constants(shape, self.jet, &parts, &mut prelude);
        let mut texts = vec![prelude.part(), shader("math"), jets::part(self.jet)];
        texts.extend(target.texts(shape, self.jet, &parts));
        let mut kernel = self.products(layout);
        let _ = writeln!(kernel, "fn gradients(local: u32) {{\n    input_gradient(local, Z, 0u);");
        for (parts, at) in [(1, layout.slab[1]), (3, layout.slab[2])] {
            let _ = writeln!(kernel, "    {}", target.gradient_call(shape, parts, "Z", "A", &format!("{at}u")));
        }
        texts.push(Part::new("products", format!("{kernel}}}\n{KERNEL}")));
        texts
    }

    /// The functions under test.
    fn products(&self, layout: &Layout) -> String {
        let target = self.tile.target();
        let run = target.run();
        let [coordinates, one, three] = layout.maps.map(|at| at / run);
        let [back, back_three] = layout.transposes.map(|at| at / run);
        // what follows a row must find its sum, whichever part it is of
        let double = |body: &mut Body, part: usize, sum: &str| {
            let twice = body.set(&format!("twice{part}"), &format!("{sum} + {sum}"));
            body.keep(&format!("RESULTS + {}u", 5 + part), &twice);
        };
        let vectors = |first: &str, parts: usize| Operand::Vectors(first.into(), parts);
        let product = |name: &str, packed: String, operands: [Operand; 2], into: &[&str]| Product {
            name: name.into(),
            equation: name.into(),
            packed,
            operands,
            biased: true,
            into: into.iter().map(|&into| into.to_owned()).collect(),
            finish: None,
        };
        let same = |operand: Operand| [operand.clone(), operand];
        let by_layer = format!("select({one}u, {coordinates}u, l == 0u)");
        let back_into = ["RESULTS + 5u", "RESULTS + 6u", "RESULTS + 7u"];
        let back_three = product("back_three", format!("{back_three}u"), same(vectors("Z", 1)), &back_into);
        let back = product("back", format!("{back}u"), same(vectors("Z", 1)), &["RESULTS + 4u"]);
        [
            product("first_or_one", by_layer, [Operand::Coordinates, vectors("A", 1)], &["RESULTS + l"]),
            product("coordinates", format!("{coordinates}u"), same(Operand::Coordinates), &["RESULTS + 2u"]),
            product("three", format!("{three}u"), same(vectors("A", 3)), &["RESULTS + 3u"]),
            Product { biased: false, ..back },
            Product { biased: false, finish: Some(&double), ..back_three },
        ]
        .iter()
        .map(|product| target.product(&layout.shape, product) + "\n")
        .collect()
    }
}

/// The jets of the given feature vectors, and what plain sums make of them.
struct Wanted<'a> {
    subject: &'a Subject,
    rows: usize,
    points: usize,
    given: &'a [f32],
}

/// A sum, and that of its terms without their signs.
type Sum = (f64, f64);

fn sum(terms: impl Iterator<Item = f64>) -> Sum {
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

impl Wanted<'_> {
    fn at(&self, vector: usize, row: usize, place: usize, stream: usize) -> f64 {
        let jet = (vector * self.rows + row) * self.points + place;
        self.given[jet * self.subject.jet.numbers() + self.subject.jet.place(stream)].into()
    }

    /// The number of a stream after product number `which`.
    fn product(&self, dense: &[Dense; 3], which: usize, row: usize, place: usize, stream: usize) -> Sum {
        let width = self.subject.width;
        let forward = |dense: &Dense, vector: usize| {
            let bias = if stream == 0 { f64::from(dense.biases[row]) } else { 0.0 };
            let x = |c: usize| self.at(vector + c / width, c % width, place, stream);
            sum((0..dense.columns).map(|c| f64::from(dense.at(row, c)) * x(c)).chain([bias]))
        };
        let back = |dense: &Dense, part: usize| {
            let column = part * width + row;
            sum((0..width).map(|r| f64::from(dense.at(r, column)) * self.at(Z, r, place, stream)))
        };
        match which {
            0 | 2 => {
                let bias = if stream == 0 { f64::from(dense[0].biases[row]) } else { 0.0 };
                let x = |c: usize| self.at(INPUT, c, place, stream);
                sum((0..self.subject.inputs).map(|c| f64::from(dense[0].at(row, c)) * x(c)).chain([bias]))
            }
            1 => forward(&dense[1], A),
            3 => forward(&dense[2], A),
            4 => back(&dense[1], 0),
            _ => {
                let (value, size) = back(&dense[2], which - 5);
                (2.0 * value, 2.0 * size)
            }
        }
    }

    /// The gradient against row `column` of feature vector `vector`.
    fn gradient(&self, row: usize, vector: usize, column: usize) -> Sum {
        let streams = self.subject.jet.streams();
        let all = (0..self.points).flat_map(|place| (0..streams).map(move |stream| (place, stream)));
        sum(all.map(|(p, s)| self.at(Z, row, p, s) * self.at(vector, column, p, s)))
    }

    fn bias(&self, row: usize) -> Sum {
        sum((0..self.points).map(|place| self.at(Z, row, place, 0)))
    }
}

/// Runs every product of `subject` and both kinds of gradients, and compares number by number.
///
/// # Errors
/// The tile cannot run on this adapter, or a kernel does not compile.
pub fn check(gpu: &Gpu, subject: &Subject) -> Result<Report> {
    let (target, jet) = (subject.tile.target(), subject.jet);
    target.check(&gpu.capabilities(), &subject.shape(), jet)?;
    let dense = subject.dense();
    let layout = subject.layout(&dense);
    let (rows, points, numbers) = (target.stride(&layout.shape), target.points(), jet.numbers());
    // rows past the width hold something too, as they do in a network; it must not matter
    let jets = RESULTS * rows * points;
    let places: BTreeSet<usize> = (0..jet.streams()).map(|stream| jet.place(stream)).collect();
    let number = |i: usize| if places.contains(&(i % numbers)) { random(4, i) } else { 0.0 };
    let given: Vec<f32> = (0..jets * numbers).map(number).collect();
    let (results, slab) = run(gpu, subject, &layout, &given)?;

    let wanted = Wanted { subject, rows, points, given: &given };
    let mut report = Report::default();
    let mut compare = |place: &dyn Fn() -> String, got: f32, (wanted, size): Sum| {
        report.number(place(), got.into(), wanted, size, ROUNDING);
    };
    let name = subject.name();
    for (which, product) in PRODUCTS.iter().enumerate() {
        for (row, place) in (0..subject.width).flat_map(|row| (0..points).map(move |place| (row, place))) {
            for stream in 0..jet.streams() {
                let got = results[((which * rows + row) * points + place) * numbers + jet.place(stream)];
                let of = || format!("{name}: {product}, row {row}, place {place}, stream {stream}");
                compare(&of, got, wanted.product(&dense, which, row, place, stream));
            }
        }
    }
    let inputs = target.input_gradient(&layout.shape);
    let slab_number = |at: usize, matrix: &Matrix, row, column| slab[4 * at + matrix.place(row, Some(column))];
    for row in 0..subject.width {
        for axis in 0..subject.inputs {
            let got = slab_number(0, &inputs, axis, row);
            compare(
                &|| format!("{name}: gradient of coordinate {axis}, row {row}"),
                got,
                wanted.gradient(row, INPUT, axis),
            );
        }
        let got = slab_number(0, &inputs, subject.inputs, row);
        compare(&|| format!("{name}: gradient of the bias, row {row}"), got, wanted.bias(row));
        for (parts, at) in [(1, layout.slab[1]), (3, layout.slab[2])] {
            let (matrix, share) = target.gradient(&layout.shape, parts);
            for (part, column) in (0..parts).flat_map(|part| (0..subject.width).map(move |column| (part, column))) {
                let at = at + part / share * matrix.vectors();
                let got = slab_number(at, &matrix, row, part % share * target.pitch(&layout.shape) + column);
                let of = || format!("{name}: gradient of {parts}, row {row}, part {part}, column {column}");
                compare(&of, got, wanted.gradient(row, A + part, column));
            }
        }
    }
    Ok(report)
}

/// The results' jets and the slab.
fn run(gpu: &Gpu, subject: &Subject, layout: &Layout, given: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
    let (target, jet) = (subject.tile.target(), subject.jet);
    let jets = target.stride(&layout.shape) * target.points();
    let count = PRODUCTS.len() * jets * jet.numbers();
    let vectors = (RESULTS + PRODUCTS.len()) * jets * if target.images() { jet.texels() } else { jet.numbers() };
    let scratch = gpu.vectors("scratch", vectors as u64, target.images())?;
    let slabs = gpu.vectors("slabs", layout.slab[3] as u64, target.images())?;
    let given = gpu.storage_with("given", given)?;
    let results = gpu.storage_with("results", &vec![f32::NAN; count])?;
    let sums = gpu.storage_with("sums", &vec![f32::NAN; 4 * layout.slab[3]])?;
    let weights = weights(gpu, &layout.weights, target.images())?;
    let texts = subject.texts(layout);
    let buffers: [(&str, &dyn Resource); 6] = [
        ("given", &given),
        ("results", &results),
        ("sums", &sums),
        ("scratch", &scratch),
        ("slabs", &slabs),
        ("weights", &weights),
    ];
    let products = Kernel::link(gpu, "products", &texts)?;
    let gather = Kernel::link(gpu, "gather", &texts)?;
    let threads = (PRODUCTS.len() * jets).max(layout.slab[3]);
    gpu.submit(&[products.bind(gpu, &buffers)?.workgroups(1), gather.bind(gpu, &buffers)?.threads(threads as u32)], 1);
    Ok((gpu.read(&results, count)?, gpu.read(&sums, 4 * layout.slab[3])?))
}

/// Packed weights where the target's kernels read them.
fn weights(gpu: &Gpu, weights: &[f32], image: bool) -> Result<Vectors> {
    if !image {
        return Ok(Vectors::Buffer(gpu.storage_with("weights", weights)?));
    }
    let (buffer, image): (Buffer, _) = gpu.mirrored("weights", weights.len() as u64 / 4)?;
    gpu.write(&buffer, weights);
    gpu.submit(&[gpu.copy(&buffer, &image)], 1);
    Ok(Vectors::Image(image))
}

/// Several groups, which share rows unevenly, and columns in several chunks; quick to compile, because little is unrolled.
pub const GPU: GpuTarget = GpuTarget { lanes: 8, groups: 3, rows: 2, columns: 1, slabs: 1 };

/// Small sizes of every target that `gpu` can run.
pub fn tiles(gpu: &Gpu) -> Vec<Tile> {
    let offered = gpu.capabilities();
    let raster = |lanes| Tile::Raster(Raster { lanes, span: 1, strip: 4, slabs: 1, images: offered.image.is_some() });
    std::iter::once(Tile::Gpu(GPU)).chain(offered.subgroup.map(raster)).collect()
}

/// A few shapes on every target that `gpu` can run; in software, where some drivers compile the texts for graphics cards for
/// minutes, only on its own, unless there is time.
pub fn some(gpu: &Gpu, thorough: bool) -> Vec<Subject> {
    let shapes = [(5, 2, Jet::Value), (13, 2, Jet::Second), (9, 2, Jet::Third)];
    let tiles = tiles(gpu);
    let own = |tile: &Tile| matches!(tile, Tile::Raster(_));
    let few = gpu.is_software() && !thorough && tiles.iter().any(own);
    let all = tiles.into_iter().filter(|tile| !few || own(tile)).flat_map(|tile| shapes.map(|shape| (tile, shape)));
    all.map(|(tile, (width, inputs, jet))| Subject { tile, width, inputs, jet }).collect()
}
