//! The target `gpu`: for graphics cards and every WebGPU implementation. Core WebGPU within its default limits. Lanes
//! are points, a group of threads owns blocks of rows, feature vectors lie in storage buffers (`shaders/gpu`).
//!
//! What multiplies is written out here, a line per row: an array stays in registers only where every index is a constant,
//! and compilers differ in which loops they unroll to that end (browsers bound loops first, and then unroll none).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::gpu::{Capabilities, Part};
use crate::math::Jet;
use crate::networks::{Program, Shape};

use super::matrix::{Matrix, Order};
use super::prelude::{Prelude, shader};
use super::target::{Body, Columns, Operand, Product, Target};

/// Its sizes; every number is a constant of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// Threads that lie side by side over points: the points of a tile.
    pub lanes: usize,
    /// Groups of such threads, which share the rows of a matrix.
    pub groups: usize,
    /// Rows that a thread computes at once; even.
    pub rows: usize,
    /// Columns of a weight gradient that a lane sums up at once, at most.
    pub columns: usize,
    /// Workgroups that a kernel spreads its tiles over, if there are that many.
    pub slabs: usize,
}

/// Rows of a thread at most, for jets of up to four numbers, of up to eight and so on: so many jets are accumulated at once,
/// and registers are short.
const MOST_ROWS: [usize; 4] = [10, 6, 4, 4];
/// Columns of a weight gradient that a lane sums up at once, at most, for the same jets.
const MOST_COLUMNS: [usize; 4] = [5, 3, 2, 2];
/// Bytes of workgroup memory for the columns of a weight gradient; the rest of WebGPU's 16 KiB holds partial sums.
const COLUMN_BYTES: usize = 15 * 1024;

impl Gpu {
    /// A choice without measuring, for `width` and jets of `streams` numbers.
    pub fn default_for(offered: &Capabilities, width: usize, streams: usize) -> Gpu {
        let (lanes, long) = (32, (streams - 1) / 4);
        let rows = fit(width.next_multiple_of(2), 4, MOST_ROWS[long]);
        // as few turns as the threads of a workgroup allow, and no group without a block in any of them
        let (blocks, most) = (width.div_ceil(rows), offered.threads.min(256) / lanes);
        let groups = blocks.div_ceil(blocks.div_ceil(most));
        Gpu { lanes, groups, rows, columns: MOST_COLUMNS[long], slabs: 1024 }
    }

    /// Blocks of rows that a matrix has.
    pub fn blocks(&self, shape: &Shape) -> usize {
        shape.width.div_ceil(self.rows)
    }

    /// Columns per lane with which the gradient of a matrix of `columns` takes the fewest instructions: a lane multiplies
    /// `rows` cotangents with each of its columns, and loads both.
    pub fn columns_of(&self, columns: usize) -> usize {
        let cost = |each: &usize| columns.div_ceil(each * self.lanes) * (4 * self.rows * each + self.rows + each + 8);
        (1..=self.columns).min_by_key(cost).unwrap_or(1)
    }

    /// Columns of a chunk that passes through workgroup memory, of the widest map.
    fn chunk(&self, shape: &Shape, parts: &BTreeSet<usize>) -> usize {
        let of = |parts: &usize| self.columns_of(parts * self.stride(shape));
        self.lanes * parts.iter().map(of).max().unwrap_or(1)
    }

    /// Points that a chunk passes through workgroup memory with at a time.
    pub fn part(&self, shape: &Shape, jet: Jet, parts: &BTreeSet<usize>) -> usize {
        let bytes = |part: usize| self.chunk(shape, parts) * (part + 1) * jet_bytes(jet);
        // parts must fill a tile: what lies behind the last whole one would be lost
        let fits = |&part: &usize| self.lanes.is_multiple_of(part) && bytes(part) <= COLUMN_BYTES;
        let halves = std::iter::successors(Some(self.lanes.min(8)), |part| (part % 2 == 0).then_some(part / 2));
        halves.into_iter().find(fits).unwrap_or(1)
    }

    fn matmul_text(&self, pairs: &BTreeSet<usize>) -> String {
        let mut text = String::from(MATMUL);
        let entry = |e: usize| format!("m[{}][{}]", e / 4, e % 4);
        let _ = writeln!(text, "fn biases(at: u32) -> Rows {{\n    let m = weights[at];\n    var z: Rows;");
        for r in 0..self.rows {
            let _ = writeln!(text, "    z[{r}] = jet_constant({});", entry(r));
        }
        let _ = writeln!(text, "    return z;\n}}\n");
        let _ = writeln!(text, "// z += M x for two columns.");
        let _ =
            writeln!(text, "fn add_pair(z: ptr<function, Rows>, at: u32, x: Jet, y: Jet) {{\n    let m = weights[at];");
        for (x, first) in [("x", 0), ("y", self.rows)] {
            for r in 0..self.rows {
                let _ = writeln!(text, "    (*z)[{r}] = (*z)[{r}] + {} * {x};", entry(first + r));
            }
        }
        let _ = writeln!(text, "}}\n\n// Keeps the rows of a block of feature vector `vector`.");
        let _ = writeln!(text, "fn keep_rows(vector: u32, block: u32, z: ptr<function, Rows>) {{");
        let _ = writeln!(text, "    let at = pair_of(vector, block * ROWS);");
        for r in 0..self.rows {
            let _ = writeln!(text, "    scratch[at + {}u][{}][lane / PART][lane % PART] = (*z)[{r}];", r / 2, r % 2);
        }
        text.push_str("}\n");
        for pairs in pairs {
            let _ = writeln!(
                text,
                "\n// z += M x for {pairs} pairs of columns, which multiply as many pairs of rows from `vector` on.\n\
                 fn matmul_{pairs}(z: ptr<function, Rows>, at: u32, vector: u32) {{\n    let x_at = pair_of(vector, 0u);\n    \
                 for (var k = 0u; k < {pairs}u; k++) {{\n        \
                 let x = scratch[x_at + k][0][lane / PART][lane % PART];\n        \
                 let y = scratch[x_at + k][1][lane / PART][lane % PART];\n        \
                 add_pair(z, at + k, x, y);\n    }}\n}}"
            );
        }
        text
    }

    /// Rows whose gradients against the inputs are summed up at once, a thread each.
    pub fn input_rows(&self, shape: &Shape, parts: &BTreeSet<usize>) -> usize {
        let most = self.groups.min(self.chunk(shape, parts) / self.lanes);
        self.lanes * most.min(shape.width.div_ceil(self.lanes))
    }

    /// How `count` rows of feature vector `vector` come to workgroup memory, `part` points at a time: what each thread finds
    /// out once, and what it does for every part. `row` is the row, with NTH for its number among these.
    fn staging(&self, row: &str, vector: &str, count: usize, part: usize, pad: &str) -> [String; 2] {
        let (all, threads) = (count * part, self.threads());
        let [mut once, mut bring] = [String::new(), String::new()];
        for turn in 0..all.div_ceil(threads) {
            let first = turn * threads;
            let nth = format!("((local + {first}u) / PART)");
            let row = row.replace("NTH", &nth);
            let _ = writeln!(once, "{pad}let row{turn} = {row};");
            let _ = writeln!(once, "{pad}let from{turn} = pair_of({vector}, row{turn});");
            let _ = writeln!(once, "{pad}let p{turn} = (local + {first}u) % PART;");
            let _ = writeln!(once, "{pad}let to{turn} = {nth} * PITCH + p{turn};");
            // the last turn may have less to bring than there are threads
            let guard = if first + threads > all { format!("if local < {}u ", all - first) } else { String::new() };
            let jet = format!("scratch[from{turn}][row{turn} % 2u][part][p{turn}]");
            let _ = writeln!(bring, "{pad}    {guard}{{ staged[to{turn}] = {jet}; }}");
        }
        [once, bring]
    }

    /// The gradient of a matrix with `columns` columns, of which every lane sums up some.
    fn gradient_text(&self, columns: usize, part: usize) -> String {
        let each = self.columns_of(columns);
        let chunk = self.lanes * each;
        let (chunks, run) = (columns.div_ceil(chunk), (self.rows * each).div_ceil(4));
        let mut text = format!("\n// Of {columns} columns, {each} of each lane at a time.\n");
        let _ = writeln!(text, "fn gradient_{columns}(local: u32, z: u32, a: u32, slab: u32) {{");
        let _ = writeln!(text, "    for (var turn = 0u; turn < TURNS; turn++) {{");
        let _ = writeln!(text, "        let block = turn * GROUPS + group;");
        let _ = writeln!(text, "        let z_at = pair_of(z, min(block, ROW_BLOCKS - 1u) * ROWS);");
        let _ = writeln!(text, "        for (var chunk = 0u; chunk < {chunks}u; chunk++) {{");
        let sums = || (0..each).flat_map(|c| (0..self.rows).map(move |r| (c, r)));
        for (c, r) in sums() {
            let _ = writeln!(text, "            var sum{c}_{r} = 0.0;");
        }
        let column = format!("min(chunk * {chunk}u + NTH, {}u)", columns - 1);
        let [once, bring] = self.staging(&column, "a", chunk, part, "            ");
        text.push_str(&once);
        let _ = writeln!(text, "            for (var part = 0u; part < POINTS / PART; part++) {{");
        let _ = writeln!(
            text,
            "                thread_barrier();                      // the part before has been used up"
        );
        text.push_str(&bring);
        let _ = writeln!(text, "                thread_barrier();");
        let _ = writeln!(text, "                for (var p = 0u; p < PART; p++) {{");
        for c in 0..each {
            let column = c * self.lanes;
            let _ = writeln!(text, "                    let a{c} = staged[(lane + {column}u) * PITCH + p];");
        }
        for r in 0..self.rows {
            let z = format!("scratch[z_at + {}u][{}][part][p]", r / 2, r % 2);
            let _ = writeln!(text, "                    let z{r} = {z};");
            for c in 0..each {
                let sum = format!("sum{c}_{r}");
                let _ = writeln!(text, "                    {sum} = add_inner({sum}, z{r}, a{c});");
            }
        }
        let _ = writeln!(text, "                }}\n            }}\n            if block < ROW_BLOCKS {{");
        let _ = writeln!(
            text,
            "                let at = slab + (block * {chunks}u + chunk) * {}u + lane;",
            run * self.lanes
        );
        let all: Vec<String> = sums().map(|(c, r)| format!("sum{c}_{r}")).collect();
        for (v, four) in all.chunks(4).enumerate() {
            let rest = ", 0.0".repeat(4 - four.len());
            let _ = writeln!(
                text,
                "                accumulate(at + {}u, vec4f({}{rest}));",
                v * self.lanes,
                four.join(", ")
            );
        }
        text + "            }\n        }\n    }\n}\n"
    }

    /// The gradient against (coordinates, one), or that of the bias alone: threads are rows, as many as workgroup memory holds.
    fn input_text(&self, shape: &Shape, parts: &BTreeSet<usize>, coordinates: bool) -> String {
        let run = (shape.inputs + 1).div_ceil(4);
        let rows = self.input_rows(shape, parts);
        let columns = if coordinates { 0..shape.inputs + 1 } else { shape.inputs..shape.inputs + 1 };
        let mut text = String::from(match coordinates {
            true => {
                "\n// Against (coordinates, one), a thread per row; the constant one gives the bias.\nfn input_gradient"
            }
            false => "\n// Against one alone, where a map takes no coordinates.\nfn bias_gradient",
        });
        let _ = writeln!(text, "(local: u32, z: u32, slab: u32) {{");
        let _ = writeln!(text, "    for (var first_row = 0u; first_row < WIDTH; first_row += {rows}u) {{");
        for c in columns.clone() {
            let _ = writeln!(text, "        var sum{c} = 0.0;");
        }
        let _ = writeln!(text, "        for (var part = 0u; part < POINTS / PART; part++) {{");
        let _ = writeln!(
            text,
            "            thread_barrier();                          // the part before has been used up"
        );
        // a loop, though its places could be found out once as above: AMD's compiler then takes twice the registers
        let source = "load(z, min(first_row + i / PART, WIDTH - 1u), part * PART + i % PART)";
        let _ = writeln!(text, "            for (var i = local; i < {rows}u * PART; i += THREADS) {{");
        let _ = writeln!(text, "                staged[i / PART * PITCH + i % PART] = {source};");
        let _ = writeln!(text, "            }}");
        let _ = writeln!(text, "            thread_barrier();\n            if local < {rows}u {{");
        let _ = writeln!(text, "                for (var p = 0u; p < PART; p++) {{");
        let _ = writeln!(text, "                    let z_bar = staged[local * PITCH + p];");
        for axis in columns.clone().filter(|&column| column < shape.inputs) {
            let x = format!("load(INPUT, {axis}u, part * PART + p)");
            let _ = writeln!(text, "                    sum{axis} = add_inner(sum{axis}, z_bar, {x});");
        }
        let _ = writeln!(text, "                    sum{} += value(z_bar);", shape.inputs);
        let _ = writeln!(text, "                }}\n            }}\n        }}");
        let end = shape.width.next_multiple_of(self.lanes);
        let _ = writeln!(text, "        if local < {rows}u && first_row + local < {end}u {{");
        let _ = writeln!(text, "            let at = slab + (first_row + group * LANES) * {run}u + lane;");
        let sum = |c: usize| if columns.contains(&c) { format!("sum{c}") } else { "0.0".to_owned() };
        let all: Vec<String> = (0..=shape.inputs).map(sum).collect();
        for (v, four) in all.chunks(4).enumerate() {
            let rest = ", 0.0".repeat(4 - four.len());
            let _ =
                writeln!(text, "            accumulate(at + {}u, vec4f({}{rest}));", v * self.lanes, four.join(", "));
        }
        text + "        }\n    }\n}\n"
    }
}

const MATMUL: &str = "\
// Target `gpu`: rows of a packed matrix times feature vectors, z = M x. A thread computes ROWS rows for the jet of its own
// point, and the weights of a block are the same for all lanes. Two columns take two loads of a jet, which 32 lanes find in
// neighbouring lines, and PAIR_VECTORS loads of weights, one line for all, for 2 ROWS multiply–adds of whole jets.
//
// provides: Rows, biases, add_pair, keep_rows, matmul_N
// expects:  weights, scratch, pair_of, lane (gpu/features); Jet, jet_constant (jets); ROWS (prelude)

alias Rows = array<Jet, ROWS>;

// The run of biases before a block's pairs of columns.
";

const GRADIENT: &str = "\
// Target `gpu`: gradients of matrices, sums of z̄ aᵀ over points and streams. A group owns the rows of its blocks, as in a
// product, and lanes are columns. A jet of z̄ is the same for all lanes: one line. The jets of the columns lie a row apart, one
// line each, so they pass through workgroup memory, a few points at a time.
//
// provides: staged, gradient_N, input_gradient, bias_gradient
// expects:  scratch, pair_of, load, thread_barrier, lane, group (gpu/features); add_inner, value (jets); accumulate (tile);
//           ROWS, ROW_BLOCKS, TURNS, CHUNK, PART (prelude)

const PITCH = PART + 1u;                               // odd, so that lanes that are columns meet different banks
var<workgroup> staged: array<Jet, CHUNK * PITCH>;      // [column][point]
";

/// Bytes of a jet in an array.
pub fn jet_bytes(jet: Jet) -> usize {
    4 * jet.numbers()
}

/// The size between `least` and `most`, in even steps where `least` is even, whose multiples waste the least over `width`; the
/// larger of equals.
pub(super) fn fit(width: usize, least: usize, most: usize) -> usize {
    let step = if least.is_multiple_of(2) { 2 } else { 1 };
    (least.min(width)..=most.min(width))
        .step_by(step)
        .min_by_key(|&size| (width.next_multiple_of(size), usize::MAX - size))
        .unwrap_or(1)
}

impl Target for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }
    fn points(&self) -> usize {
        self.lanes
    }
    fn lanes(&self) -> usize {
        self.lanes
    }
    fn groups(&self) -> usize {
        self.groups
    }
    fn slabs(&self) -> usize {
        self.slabs
    }
    fn images(&self) -> bool {
        false
    }
    // whole blocks: rows past the width are computed, from weights that are zero
    fn stride(&self, shape: &Shape) -> usize {
        shape.width.max(shape.inputs).max(shape.outputs).next_multiple_of(self.rows)
    }
    // feature vectors are multiplied as one, rows past the width included
    fn pitch(&self, shape: &Shape) -> usize {
        self.stride(shape)
    }
    fn map(&self, shape: &Shape, columns: Columns) -> Matrix {
        let columns = match columns {
            Columns::Coordinates => shape.inputs,
            Columns::Features(parts) => parts * self.stride(shape),
        };
        Matrix { rows: shape.width, columns, bias: true, order: Order::Pairs { rows: self.rows } }
    }
    fn transpose(&self, shape: &Shape) -> Matrix {
        let order = Order::Pairs { rows: self.rows };
        Matrix { rows: shape.width, columns: self.stride(shape), bias: false, order }
    }
    fn gradient(&self, shape: &Shape, parts: usize) -> (Matrix, usize) {
        let all = parts * self.stride(shape);
        let order = Order::Lanes { rows: self.rows, columns: self.columns_of(all), lanes: self.lanes };
        (Matrix { rows: shape.width, columns: all, bias: false, order }, parts)
    }
    fn gradient_call(&self, shape: &Shape, parts: usize, z: &str, a: &str, slab: &str) -> String {
        format!("gradient_{}(local, {z}, {a}, {slab});", parts * self.stride(shape))
    }
    fn input_gradient(&self, shape: &Shape) -> Matrix {
        let rows = shape.inputs + 1;
        let order = Order::Lanes { rows, columns: 1, lanes: self.lanes };
        Matrix { rows, columns: shape.width, bias: false, order }
    }
    fn run(&self) -> usize {
        (2 * self.rows).div_ceil(4)
    }
    fn reducers(&self) -> (usize, &'static str) {
        (64, "workgroupBarrier")
    }
    // a kernel of a few hundred points would leave most of a card idle for as long as a tile takes, and no other may run
    // beside it, because both write slabs
    fn merges(&self, _: usize) -> bool {
        true
    }
    fn shares_rows(&self) -> bool {
        self.groups > 1
    }

    fn trips(&self, shape: &Shape, program: &Program) -> usize {
        let turns = self.blocks(shape).div_ceil(self.groups);
        let stride = self.stride(shape);
        let product = |columns: usize| turns * (columns / 2 + self.rows + 2);
        let square = |columns: usize| {
            let chunk = self.columns_of(columns) * self.lanes;
            turns * columns.div_ceil(chunk) * (2 * self.lanes + chunk * self.lanes / self.threads() + 2)
        };
        let inputs = shape.width.div_ceil(self.lanes) * (2 * self.lanes + self.lanes * self.lanes / self.threads() + 2);
        let of = |m: usize, layer: usize| match (program.features(m, layer).len(), program.pulls(m, layer).len()) {
            (0, _) => product(shape.inputs + 1) + inputs,
            (parts, pulls) => product(parts * stride) + pulls * product(stride) + square(parts * stride) + inputs,
        };
        (0..program.maps.len()).map(|m| of(m, 0).max(of(m, 1))).sum::<usize>() + 2 * turns * self.rows
    }

    fn check(&self, offered: &Capabilities, shape: &Shape, jet: Jet) -> Result<()> {
        let fail = |what: String| Err(Error::Usage(what));
        let (threads, most) = (self.threads(), offered.threads);
        if threads > most {
            return fail(format!(
                "a tile of {} lanes and {} groups takes {threads} threads, this adapter runs {most}: lower `groups`",
                self.lanes, self.groups
            ));
        }
        if self.rows % 2 == 1 {
            return fail(format!("`rows` is {}, and rows go in pairs: make it even", self.rows));
        }
        let parts: BTreeSet<usize> = (1..=3).collect();
        let bytes = self.chunk(shape, &parts) * (self.part(shape, jet, &parts) + 1) * jet_bytes(jet) + 4 * threads;
        if bytes > offered.workgroup_memory {
            return fail(format!(
                "a tile of {} lanes with {} columns each takes {bytes} bytes of workgroup memory, this adapter offers {}: lower `columns`",
                self.lanes, self.columns, offered.workgroup_memory
            ));
        }
        Ok(())
    }

    fn constants(&self, shape: &Shape, jet: Jet, parts: &BTreeSet<usize>, prelude: &mut Prelude) {
        prelude.u32("ROWS", self.rows).note("rows of a block, which one thread multiplies for one point");
        prelude.u32("ROW_BLOCKS", self.blocks(shape)).note("blocks of a matrix");
        prelude.u32("PAIR_VECTORS", self.run()).note("vec4f of a block's weights for two columns");
        prelude.u32("TURNS", self.blocks(shape).div_ceil(self.groups)).note("blocks that a group takes in turn");
        prelude.u32("CHUNK", self.chunk(shape, parts)).note("columns in workgroup memory, at most");
        prelude.u32("PART", self.part(shape, jet, parts)).note("points in workgroup memory");
    }

    fn texts(&self, shape: &Shape, jet: Jet, parts: &BTreeSet<usize>) -> Vec<Part> {
        let (stride, part) = (self.stride(shape), self.part(shape, jet, parts));
        let columns = parts.iter().map(|parts| parts * stride);
        let pairs: BTreeSet<usize> = columns.clone().chain([shape.inputs, stride]).map(|n| n.div_ceil(2)).collect();
        let gradients: String = columns.map(|columns| self.gradient_text(columns, part)).collect();
        vec![
            shader("gpu/features"),
            Part::new("gpu/matmul", self.matmul_text(&pairs)),
            Part::new("gpu/weight_gradient", {
                let [inputs, bias] = [true, false].map(|coordinates| self.input_text(shape, parts, coordinates));
                format!("{GRADIENT}{gradients}{inputs}{bias}")
            }),
        ]
    }

    fn memory(&self) -> Part {
        shader("memory/buffers")
    }

    fn product(&self, shape: &Shape, product: &Product) -> String {
        let Product { name, equation, packed, operands, biased, .. } = product;
        let mut text = String::new();
        let of = |part: usize| if product.row_parts() > 1 { part.to_string() } else { String::new() };
        if let Some(finish) = product.finish {
            for (part, into) in product.into.iter().enumerate() {
                let mut body = Body::new("row", "lane", 1, "");
                let z = body.load(if product.biased { "z" } else { "product" }, into);
                finish(&mut body, part, &z);
                let _ = writeln!(text, "fn {name}_row{}(l: u32, row: u32) {{\n{}}}", of(part), body.finish());
            }
        }
        let _ = writeln!(text, "// {equation}\nfn {name}(l: u32) {{");
        let _ = writeln!(text, "    for (var block = group; block < ROW_BLOCKS; block += GROUPS) {{");
        // in runs, which are the elements of `weights`
        let block_of = |matrix: Matrix| matrix.piece_vectors() / self.run();
        let multiply = |at: &str, operand: &Operand| match operand {
            Operand::Coordinates => {
                let at = format!("{at} + block * {}u", block_of(self.map(shape, Columns::Coordinates)));
                format!("z = biases({at}); matmul_{}(&z, {at} + 1u, INPUT);", shape.inputs.div_ceil(2))
            }
            Operand::Vectors(vector, parts) if *biased => {
                let pairs = parts * self.stride(shape) / 2;
                let at = format!("{at} + block * {}u", block_of(self.map(shape, Columns::Features(*parts))));
                format!("z = biases({at}); matmul_{pairs}(&z, {at} + 1u, {vector});")
            }
            Operand::Vectors(vector, parts) => {
                let (pairs, block) = (parts * self.stride(shape) / 2, block_of(self.transpose(shape)));
                format!("z = Rows(); matmul_{pairs}(&z, {at} + block * {block}u, {vector});")
            }
        };
        let _ = writeln!(text, "        var z: Rows;");
        for (part, into) in product.into.iter().enumerate() {
            let at = match part {
                0 => packed.clone(),
                part => format!("{packed} + {}u", part * self.transpose(shape).vectors() / self.run()),
            };
            let [first, others] = operands.each_ref().map(|operand| multiply(&at, operand));
            let _ = match first == others {
                true => writeln!(text, "        {first}"),
                false => writeln!(text, "        if l == 0u {{ {first} }}\n        else {{ {others} }}"),
            };
            let why = if product.finish.is_some() {
                "    // its own rows at its own point: no barrier before they are read"
            } else {
                ""
            };
            let _ = writeln!(text, "        keep_rows({into}, block, &z);{why}");
            if product.finish.is_some() {
                let call = format!("{name}_row{}(l, block * ROWS + r);", of(part));
                let _ = writeln!(text, "        for (var r = 0u; r < ROWS; r++) {{ {call} }}");
            }
        }
        text + "    }\n}\n"
    }

    fn every_row(&self, write: &dyn Fn(&mut Body)) -> String {
        let mut body = Body::new("row", "lane", 3, "");
        write(&mut body);
        let rows = "for (var block = group; block < ROW_BLOCKS; block += GROUPS)";
        let row = "for (var row = block * ROWS; row < (block + 1u) * ROWS; row++)";
        format!("    {rows} {{\n        {row} {{\n{}        }}\n    }}\n", body.finish())
    }
}
