//! The target `raster`: for software rendering on a processor, where a load costs as much as ten multiply–adds and a value
//! that another lane holds next to nothing (benches/LOG.md). A workgroup is one subgroup and does all rows of its points.
//! Columns lie in registers, weights come from the lane that loaded them. Registers need names: an array stays in
//! registers only where every index is a constant, and compilers take minutes to unroll loops to that end, so this text
//! is written out here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::gpu::{Capabilities, IMAGE_ROW_BITS, Part};
use crate::math::Jet;
use crate::networks::{Program, Shape};

use super::matrix::{Matrix, Order};
use super::prelude::{Prelude, shader};
use super::target::{Body, Columns, Operand, Product, Target};

/// Its sizes; every number is a constant of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raster {
    /// Threads of a subgroup, which is the workgroup.
    pub lanes: usize,
    /// Points of one thread; a tile holds `lanes · span` points.
    pub span: usize,
    /// Rows of a weight gradient that the subgroup sums up at once.
    pub strip: usize,
    /// Workgroups that a kernel spreads its tiles over, if there are that many.
    pub slabs: usize,
    /// Whether feature vectors, weights and slabs lie in images, of which some drivers load a texel for all lanes at once.
    pub images: bool,
}

/// Columns of a matrix that lie in registers at a time, at most.
const MOST_COLUMNS: usize = 150;
/// Columns of a weight gradient that a lane sums up at once, at most, and rows of a gradient against the inputs.
const MOST_SUMS: [usize; 2] = [8, 4];

impl Raster {
    /// A choice without measuring; none where an adapter has no subgroups of one size.
    pub fn default_for(offered: &Capabilities, width: usize, streams: usize) -> Option<Raster> {
        let lanes = offered.subgroup?;
        let span = if streams > 4 { 1 } else { 2 };
        let strip = width.div_ceil(width.div_ceil(25));
        Some(Raster { lanes, span, strip, slabs: 32, images: offered.image.is_some() })
    }

    fn chunks(&self, shape: &Shape, parts: usize) -> usize {
        (parts * shape.width).div_ceil(MOST_COLUMNS)
    }

    /// Vectors of `lanes` rows or columns.
    fn vectors(&self, shape: &Shape) -> usize {
        shape.width.div_ceil(self.lanes)
    }

    /// Such vectors that are summed up at once where at most `most` are: units of one size.
    fn unit(&self, shape: &Shape, most: usize) -> usize {
        self.vectors(shape).div_ceil(self.vectors(shape).div_ceil(most))
    }

    fn even(&self, shape: &Shape, most: usize) -> usize {
        self.unit(shape, most) * self.vectors(shape).div_ceil(most)
    }

    /// The rows of one chunk of columns, or of the coordinates.
    fn rows_of(&self, shape: &Shape, product: &Product, operand: &Operand, inset: usize) -> String {
        let pad = "    ".repeat(inset);
        let mut text = String::new();
        let (columns, vector) = match operand {
            Operand::Coordinates => (Columns::Coordinates, None),
            Operand::Vectors(vector, parts) => (Columns::Features(*parts), Some(vector)),
        };
        let matrix = if product.biased { self.map(shape, columns) } else { self.transpose(shape) };
        let chunks = if vector.is_some() { matrix.pieces() } else { 1 };
        let count = match (vector, chunks) {
            (None, _) => shape.inputs,
            (_, 1) => matrix.columns,
            _ => matrix.columns.div_ceil(chunks),
        };
        let place = |q: usize| format!("{}u + lane", q * self.lanes);
        for k in 0..count {
            for q in 0..self.span {
                let load = match (vector, chunks) {
                    (None, _) => format!("load(INPUT, {k}u, {})", place(q)),
                    (Some(v), 1) => format!("load({v} + {}u, {}u, {})", k / shape.width, k % shape.width, place(q)),
                    (Some(v), _) => {
                        let last = matrix.columns - 1;
                        let column = format!("min(chunk * {count}u + {k}u, {last}u)");
                        format!("load({v} + {column} / WIDTH, {column} % WIDTH, {})", place(q))
                    }
                };
                let _ = writeln!(text, "{pad}let x{k}_{q} = {load};");
            }
        }
        // the rows of one part after the other: sums of several at once would leave the processor's registers
        for part in 0..product.row_parts() {
            text.push_str(&self.rows_of_part(product, &matrix, (part, chunks, count), inset));
        }
        let pad = "    ".repeat(inset);
        match chunks {
            1 => text,
            _ => format!("{pad}for (var chunk = 0u; chunk < {chunks}u; chunk++) {{\n{text}{pad}}}\n"),
        }
    }

    /// The rows of one part of a product, whose `count` columns of a chunk lie in registers.
    fn rows_of_part(
        &self,
        product: &Product,
        matrix: &Matrix,
        (part, chunks, count): (usize, usize, usize),
        inset: usize,
    ) -> String {
        let outer = "    ".repeat(inset);
        let pad = "    ".repeat(inset + 1);
        let place = |q: usize| format!("{}u + lane", q * self.lanes);
        let run = matrix.run_vectors();
        let mut text = format!("{outer}for (var row = 0u; row < WIDTH; row++) {{\n");
        let chunk = if chunks > 1 { format!(" + chunk * {}u", matrix.piece_vectors()) } else { String::new() };
        let at = format!("{}{chunk} + {}u + row * {run}u", product.packed, part * matrix.vectors());
        for load in 0..run.div_ceil(self.lanes) {
            let _ = writeln!(text, "{pad}let w_{load} = weight({at} + {}u + lane);", load * self.lanes);
        }
        let weight = |n: usize| {
            let (vector, lane) = (n / 4 / self.lanes, n / 4 % self.lanes);
            format!("subgroupBroadcast(w_{vector}[{}], {lane}u)", n % 4)
        };
        for q in 0..self.span {
            let start = if product.biased { format!("jet_constant({})", weight(0)) } else { "jet_zero()".into() };
            let _ = writeln!(text, "{pad}var z_{q} = {start};");
            if chunks > 1 {
                let sums = format!("load(SUMS + {part}u, row, {})", place(q));
                let _ = writeln!(text, "{pad}if chunk > 0u {{ z_{q} = {sums}; }}");
            }
        }
        for k in 0..count {
            let _ = writeln!(text, "{pad}let c{k} = {};", weight(usize::from(product.biased) + k));
            for q in 0..self.span {
                let _ = writeln!(text, "{pad}z_{q} = z_{q} + c{k} * x{k}_{q};");
            }
        }
        let ends = |text: &mut String, inset: usize| {
            for q in 0..self.span {
                let mut body = Body::new("row", &place(q), inset, &format!("_at_{q}"));
                match product.finish {
                    Some(finish) => finish(&mut body, part, &format!("z_{q}")),
                    None => body.keep(&product.into[part], &format!("z_{q}")),
                }
                text.push_str(&body.finish());
            }
        };
        if chunks > 1 {
            let _ = writeln!(text, "{pad}if chunk + 1u < {chunks}u {{");
            for q in 0..self.span {
                let _ = writeln!(text, "{pad}    keep(SUMS + {part}u, row, {}, z_{q});", place(q));
            }
            let _ = writeln!(text, "{pad}}} else {{");
            ends(&mut text, inset + 2);
            let _ = writeln!(text, "{pad}}}");
        } else {
            ends(&mut text, inset + 1);
        }
        let _ = writeln!(text, "{outer}}}");
        text
    }

    /// Feature vectors, in memory and between lanes. A jet is one to four texels.
    fn features_text(&self, jet: Jet) -> String {
        let texels = |each: &dyn Fn(usize) -> String| (0..jet.texels()).map(each).collect::<Vec<_>>().join(", ");
        let mut text = String::from(FEATURES);
        if self.images {
            let loads = texels(&|t| format!("textureLoad(scratch, texel_at(i + {t}u))"));
            let store = |t| format!("    textureStore(scratch, texel_at(i + {t}u), texel(u, {t}u));\n");
            let stores: String = (0..jet.texels()).map(store).collect();
            let _ = write!(
                text,
                "@group(0) @binding(11) var scratch: texture_storage_2d<rgba32float, read_write>;   // [workgroup or tile][vector][row][point][TEXELS]\n\n\
                 fn load(vector: u32, row: u32, place: u32) -> Jet {{\n    let i = at(vector, row, place) * TEXELS;\n    \
                 return from_texels(array<vec4f, TEXELS>({loads}));\n}}\n\
                 fn keep(vector: u32, row: u32, place: u32, u: Jet) {{\n    let i = at(vector, row, place) * TEXELS;\n{stores}}}\n"
            );
        } else {
            text.push_str(
                "@group(0) @binding(11) var<storage, read_write> scratch: array<Jet>;        // [workgroup or tile][vector][row][point]\n\n\
                 fn load(vector: u32, row: u32, place: u32) -> Jet { return scratch[at(vector, row, place)]; }\n\
                 fn keep(vector: u32, row: u32, place: u32, u: Jet) { scratch[at(vector, row, place)] = u; }\n",
            );
        }
        text
    }

    /// The gradient of a square block: lanes are columns, rows are broadcast.
    fn square_text(&self, shape: &Shape, jet: Jet) -> String {
        let Raster { lanes, strip, .. } = *self;
        let columns = self.unit(shape, MOST_SUMS[0]);
        let [blocks, strips] = [self.vectors(shape).div_ceil(MOST_SUMS[0]), shape.width.div_ceil(strip)];
        let mut text = String::from(GRADIENT);
        let _ = writeln!(text, "fn gradient(local: u32, z: u32, a: u32, slab: u32) {{");
        let _ = writeln!(text, "    for (var unit = 0u; unit < {}u; unit++) {{", strips * blocks);
        let _ = writeln!(text, "        let row = unit / {blocks}u * {strip}u + lane;");
        let _ = writeln!(text, "        let column = unit % {blocks}u * {}u + lane;", columns * lanes);
        let vectors = (strip * columns).div_ceil(4);
        for v in 0..vectors {
            let _ = writeln!(text, "        var sum{v} = vec4f();");
        }
        let _ = writeln!(text, "        for (var p = 0u; p < POINTS; p++) {{");
        for load in 0..strip.div_ceil(lanes) {
            let _ = writeln!(text, "            let z{load} = load(z, row + {}u, p);", load * lanes);
        }
        for c in 0..columns {
            let _ = writeln!(text, "            let a{c} = load(a, column + {}u, p);", c * lanes);
        }
        for r in 0..strip {
            let texel = |t| format!("subgroupBroadcast(texel(z{}, {t}u), {}u)", r / lanes, r % lanes);
            let texels: Vec<String> = (0..jet.texels()).map(texel).collect();
            let _ =
                writeln!(text, "            let z_bar{r} = from_texels(array<vec4f, TEXELS>({}));", texels.join(", "));
            for c in 0..columns {
                let sum = c * strip + r;
                let _ = writeln!(text, "            sum{}[{}] += inner(z_bar{r}, a{c});", sum / 4, sum % 4);
            }
        }
        let _ = writeln!(text, "        }}\n        let at = slab + unit * {}u + lane;", vectors * lanes);
        for v in 0..vectors {
            let _ = writeln!(text, "        accumulate(at + {}u, sum{v});", v * lanes);
        }
        text + "    }\n}\n"
    }

    /// The gradient against (coordinates, one), or that of the bias alone: lanes are rows.
    fn input_text(&self, shape: &Shape, coordinates: bool) -> String {
        let lanes = self.lanes;
        let rows = self.unit(shape, MOST_SUMS[1]);
        let units = self.vectors(shape).div_ceil(MOST_SUMS[1]);
        let (columns, run) = (shape.inputs + 1, (shape.inputs + 1).div_ceil(4));
        let mut text = String::from(match coordinates {
            true => {
                "\n// Against (coordinates, one), lanes are rows: the column of the constant one is the bias.\nfn input_gradient"
            }
            false => "\n// Against one alone, where a map takes no coordinates.\nfn bias_gradient",
        });
        let _ = writeln!(text, "(local: u32, z: u32, slab: u32) {{");
        let _ = writeln!(text, "    for (var unit = 0u; unit < {units}u; unit++) {{");
        let _ = writeln!(text, "        let row = unit * {}u + lane;", rows * lanes);
        for (r, v) in (0..rows).flat_map(|r| (0..run).map(move |v| (r, v))) {
            let _ = writeln!(text, "        var sum{r}_{v} = vec4f();");
        }
        let _ = writeln!(text, "        for (var p = 0u; p < POINTS; p++) {{");
        for axis in 0..if coordinates { shape.inputs } else { 0 } {
            let _ = writeln!(text, "            let x{axis} = load(INPUT, {axis}u, p);");
        }
        for r in 0..rows {
            let _ = writeln!(text, "            let z{r} = load(z, row + {}u, p);", r * lanes);
            for c in 0..if coordinates { columns - 1 } else { 0 } {
                let _ = writeln!(text, "            sum{r}_{}[{}] += inner(z{r}, x{c});", c / 4, c % 4);
            }
            let one = columns - 1;
            let _ = writeln!(text, "            sum{r}_{}[{}] += value(z{r});", one / 4, one % 4);
        }
        let _ = writeln!(text, "        }}\n        let at = slab + unit * {}u + lane;", rows * run * lanes);
        for (r, v) in (0..rows).flat_map(|r| (0..run).map(move |v| (r, v))) {
            let _ = writeln!(text, "        accumulate(at + {}u, sum{r}_{v});", (r * run + v) * lanes);
        }
        text + "    }\n}\n"
    }
}

const FEATURES: &str = "\
// Target `raster`: feature vectors in memory.
//
// provides: load, keep
// expects:  at (raster/threads); Jet, TEXELS, texel, from_texels (jets); texel_at (memory), in images

";

const GRADIENT: &str = "\
// Target `raster`: gradients of matrices, M̄ = Σ z̄ aᵀ over points and streams. Lanes are columns, rows are broadcast.
//
// provides: gradient, input_gradient, bias_gradient
// expects:  memory; inner, value, texel, from_texels (jets); accumulate (tile)

";

impl Target for Raster {
    fn name(&self) -> &'static str {
        "raster"
    }
    fn points(&self) -> usize {
        self.lanes * self.span
    }
    fn lanes(&self) -> usize {
        self.lanes
    }
    fn groups(&self) -> usize {
        1
    }
    fn slabs(&self) -> usize {
        self.slabs
    }
    fn images(&self) -> bool {
        self.images
    }
    // whole strips and whole vectors of lanes, which gradients read
    fn stride(&self, shape: &Shape) -> usize {
        let rows = shape.width.next_multiple_of(self.strip) + self.lanes;
        let most = MOST_SUMS.map(|most| self.lanes * self.even(shape, most));
        [rows, most[0], most[1], shape.inputs, shape.outputs].into_iter().fold(shape.width, usize::max)
    }
    fn pitch(&self, shape: &Shape) -> usize {
        shape.width
    }
    fn map(&self, shape: &Shape, columns: Columns) -> Matrix {
        let (columns, chunks) = match columns {
            Columns::Coordinates => (shape.inputs, 1),
            Columns::Features(parts) => (parts * shape.width, self.chunks(shape, parts)),
        };
        Matrix { rows: shape.width, columns, bias: true, order: Order::Chunks { columns: columns.div_ceil(chunks) } }
    }
    fn transpose(&self, shape: &Shape) -> Matrix {
        let columns = shape.width.div_ceil(self.chunks(shape, 1));
        Matrix { rows: shape.width, columns: shape.width, bias: false, order: Order::Chunks { columns } }
    }
    // each feature vector has its own: they do not lie without gaps
    fn gradient(&self, shape: &Shape, _: usize) -> (Matrix, usize) {
        let order = Order::Lanes { rows: self.strip, columns: self.unit(shape, MOST_SUMS[0]), lanes: self.lanes };
        (Matrix { rows: shape.width, columns: shape.width, bias: false, order }, 1)
    }
    fn gradient_call(&self, shape: &Shape, parts: usize, z: &str, a: &str, slab: &str) -> String {
        let size = self.gradient(shape, parts).0.vectors();
        match parts {
            1 => format!("gradient(local, {z}, {a}, {slab});"),
            parts => format!(
                "for (var part = 0u; part < {parts}u; part++) {{ gradient(local, {z}, {a} + part, {slab} + part * {size}u); }}"
            ),
        }
    }
    fn input_gradient(&self, shape: &Shape) -> Matrix {
        let (rows, columns) = (shape.inputs + 1, self.lanes * self.even(shape, MOST_SUMS[1]));
        Matrix { rows, columns, bias: false, order: Order::Lanes { rows, columns: 1, lanes: self.lanes } }
    }
    // a row's last load takes a vector for every lane
    fn overrun(&self) -> usize {
        self.lanes
    }
    // a barrier of a workgroup takes seconds to compile
    fn reducers(&self) -> (usize, &'static str) {
        (self.lanes, "subgroupBarrier")
    }
    // a jet of up to four numbers is one texel, and a kernel less is seconds less to wait for the first step
    fn merges(&self, streams: usize) -> bool {
        streams <= 4
    }
    fn shares_rows(&self) -> bool {
        false
    }

    fn trips(&self, shape: &Shape, program: &Program) -> usize {
        let product = |parts: usize| self.chunks(shape, parts).max(1) * (shape.width + 1);
        let units = MOST_SUMS.map(|most| self.vectors(shape).div_ceil(most));
        let square = shape.width.div_ceil(self.strip) * units[0] * (self.points() + 1);
        let of = |m: usize, layer: usize| {
            let parts = program.features(m, layer).len();
            let back = if program.pulls(m, layer).is_empty() { 0 } else { product(1) };
            product(parts) + back + parts * square + units[1] * (self.points() + 1)
        };
        (0..program.maps.len()).map(|m| of(m, 0).max(of(m, 1))).sum::<usize>() + 2 * shape.width
    }

    fn check(&self, offered: &Capabilities, _: &Shape, _: Jet) -> Result<()> {
        if self.images && offered.image.is_none() {
            return Err(Error::Usage(
                "this adapter cannot read and write images in one kernel: set `images` to false".into(),
            ));
        }
        if offered.subgroup != Some(self.lanes) {
            let has = match offered.subgroup {
                Some(size) => format!("its subgroups are of {size} threads"),
                None => "it has no subgroups of one size".into(),
            };
            return Err(Error::Usage(format!(
                "the target `raster` needs a workgroup of one subgroup: on this adapter {has}, the tile has {} lanes: take --target gpu",
                self.lanes
            )));
        }
        Ok(())
    }

    fn constants(&self, _: &Shape, _: Jet, _: &BTreeSet<usize>, prelude: &mut Prelude) {
        prelude.u32("IMAGE_ROW_BITS", IMAGE_ROW_BITS as usize);
    }

    fn texts(&self, shape: &Shape, jet: Jet, _: &BTreeSet<usize>) -> Vec<Part> {
        let [inputs, bias] = [true, false].map(|coordinates| self.input_text(shape, coordinates));
        let gradient = format!("{}{inputs}{bias}", self.square_text(shape, jet));
        vec![
            self.memory(),
            shader("raster/threads"),
            Part::new("raster/features", self.features_text(jet)),
            Part::new("raster/weight_gradient", gradient),
        ]
    }

    fn memory(&self) -> Part {
        shader(if self.images { "memory/images" } else { "memory/buffers" })
    }

    fn product(&self, shape: &Shape, product: &Product) -> String {
        let rows = |operand, inset| self.rows_of(shape, product, operand, inset);
        let [first, others] = &product.operands;
        let body = match first == others {
            true => rows(first, 1),
            false => format!("    if l == 0u {{\n{}    }} else {{\n{}    }}\n", rows(first, 2), rows(others, 2)),
        };
        format!("// {}\nfn {}(l: u32) {{\n{body}}}\n", product.equation, product.name)
    }

    fn every_row(&self, write: &dyn Fn(&mut Body)) -> String {
        let mut body = Body::new("row", "place", 3, "");
        write(&mut body);
        let places = "for (var place = lane; place < POINTS; place += LANES)";
        format!(
            "    for (var row = 0u; row < WIDTH; row++) {{\n        {places} {{\n{}        }}\n    }}\n",
            body.finish()
        )
    }
}
