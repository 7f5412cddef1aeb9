//! Products of packed matrices, their transposes and gradients, alone: on the host for every width from 1 to 130, because it is
//! places that depend on every single width, and on the device for widths around every size that kernels are cut by.

mod common;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use acr_pinn_gpu::gpu::Capabilities;
use acr_pinn_gpu::kernels::Tile;
use acr_pinn_gpu::kernels::gpu::Gpu;
use acr_pinn_gpu::kernels::matrix::{Matrix, Order};
use acr_pinn_gpu::kernels::packing::{NONE, Packing};
use acr_pinn_gpu::kernels::raster::Raster;
use acr_pinn_gpu::kernels::target::Columns;
use acr_pinn_gpu::lab::jets;
use acr_pinn_gpu::lab::products::{self, Subject};
use acr_pinn_gpu::math::{Jet, Variant};
use acr_pinn_gpu::networks::{self, Shape};
use common::Report;

/// Around powers of two, blocks and chunks; the last is wider than the columns that `raster` holds at a time.
const WIDTHS: [usize; 19] = [1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 32, 33, 50, 64, 65, 100, 128, 130, 151];

/// Every width, with jets and numbers of coordinates that take turns, so that each meets narrow and wide ones; on `raster`,
/// which writes every column out, wide ones with short jets. Then the sizes that a run takes, and others.
fn subjects(gpu: &acr_pinn_gpu::gpu::Gpu) -> Vec<Subject> {
    let offered = gpu.capabilities();
    let mut subjects = Vec::new();
    for tile in products::tiles(gpu) {
        for (i, width) in WIDTHS.into_iter().enumerate() {
            let jets = if tile.target().name() == "raster" && width > 50 { 2 } else { 5 };
            subjects.push(Subject { tile, width, inputs: 1 + i % 5, jet: Jet::ALL[(2 * i + i / 5) % jets] });
        }
    }
    for (width, jet) in [(50, Jet::Second), (20, Jet::Third)] {
        let own = Tile::Gpu(Gpu::default_for(&Capabilities::webgpu(), width, jet.streams()));
        let raster = Raster::default_for(&offered, width, jet.streams()).map(Tile::Raster);
        subjects.extend([Some(own), raster].into_iter().flatten().map(|tile| Subject { tile, width, inputs: 2, jet }));
    }
    for tile in products::tiles(gpu) {
        let tile = match tile {
            // more groups than blocks, parts of a tile's points, and lanes that no part of eight fits
            Tile::Gpu(tile) => Tile::Gpu(Gpu { lanes: 12, groups: 5, rows: 4, columns: 3, ..tile }),
            Tile::Raster(tile) => Tile::Raster(Raster { span: 2, strip: 3, images: false, ..tile }),
        };
        subjects.push(Subject { tile, width: 19, inputs: 3, jet: Jet::Second });
    }
    // emitted jets of one number, of short and of long columns, and of as many as there can be
    for streams in [1, 2, 3, 5, 9, 10, 13, 15] {
        let jet = jets::emitted().into_iter().find(|jet| jet.streams() == streams).expect("one of this length");
        subjects.extend(products::tiles(gpu).into_iter().map(|tile| Subject { tile, width: 7, inputs: 2, jet }));
    }
    let plate = jets::emitted().into_iter().find(|jet| jet.streams() == 13).expect("a plate's");
    let own = Tile::Gpu(Gpu::default_for(&Capabilities::webgpu(), 16, plate.streams()));
    let raster = Raster::default_for(&offered, 16, plate.streams()).map(Tile::Raster);
    let both = [Some(own), raster].into_iter().flatten();
    subjects.extend(both.map(|tile| Subject { tile, width: 16, inputs: 2, jet: plate }));
    // the longest first: two threads share them
    subjects.sort_by_key(|subject| std::cmp::Reverse(subject.width * subject.jet.streams()));
    subjects
}

#[test]
fn every_product_is_that_of_plain_sums() {
    let gpu = common::gpu();
    let subjects = subjects(&gpu);
    let (next, reports) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = |gpu: &acr_pinn_gpu::gpu::Gpu| {
        while let Some(subject) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = std::time::Instant::now();
            let report = products::check(gpu, subject).unwrap_or_else(|error| panic!("{}: {error}", subject.name()));
            let worst = report.worst().map_or(0.0, |worst| worst.error / worst.limit);
            eprintln!("{:6.2} s, {worst:.2} of the limit: {}", start.elapsed().as_secs_f64(), subject.name());
            reports.lock().unwrap().push(report);
        }
    };
    // compiling is what takes time
    let second = gpu.reopen().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| work(&second));
        work(&gpu);
    });
    let mut all = Report::default();
    for report in reports.into_inner().unwrap() {
        all.check(report.passed(), || report.failures().iter().take(3).cloned().collect::<Vec<_>>().join("\n"));
    }
    all.finish();
}

/// A tile without measuring must run on every WebGPU, whatever a point carries.
#[test]
fn default_tiles_keep_within_the_limits_of_webgpu() {
    let offered = Capabilities::webgpu();
    for jet in Jet::ALL.into_iter().chain(jets::emitted()) {
        for width in [4, 7, 16, 20, 50, 64, 100, 128, 200, 256, 333, 512] {
            let shape = Shape { inputs: jet.axes(), outputs: 4, width, depth: 2, variant: Variant::V2, unknowns: 0 };
            let tile = Tile::Gpu(Gpu::default_for(&offered, width, jet.streams()));
            let checked = tile.target().check(&offered, &shape, jet);
            assert!(checked.is_ok(), "{} {width} {tile:?}: {checked:?}", jet.name());
        }
    }
}

#[test]
fn a_wrong_product_is_noticed() {
    for (right, wrong) in [
        ("scratch[x_at + k][1]", "scratch[x_at + k][0]"),
        ("const WALK = 0u;", "const WALK = 0u; // "),
        ("pair_of(z, min(block, ROW_BLOCKS - 1u) * ROWS)", "pair_of(z, 0u)"),
        ("staged[local * PITCH + p]", "staged[local * PITCH]"),
    ] {
        let gpu = common::gpu().with_slip(right, wrong);
        let subject = Subject { tile: Tile::Gpu(products::GPU), width: 13, inputs: 2, jet: Jet::Gradient };
        let passed = products::check(&gpu, &subject).unwrap().passed();
        // a comment is no mistake: the change itself must not be what is noticed
        assert_eq!(passed, wrong.ends_with("// "), "`{wrong}` instead of `{right}`");
        assert!(gpu.slips() >= 1, "`{right}` stands in no kernel");
    }
}

/// Tiles that differ in what they round widths up to.
fn tiles(width: usize) -> Vec<Tile> {
    let offered = Capabilities::rasteriser();
    let gpu = |rows, columns, lanes| Tile::Gpu(Gpu { lanes, groups: 3, rows, columns, slabs: 1 });
    let mut tiles = vec![gpu(2, 1, 8), gpu(4, 3, 32), gpu(6, 2, 12), gpu(10, 5, 32)];
    for streams in [4, 8] {
        tiles.push(Tile::Gpu(Gpu::default_for(&Capabilities::webgpu(), width, streams)));
        tiles.extend(Raster::default_for(&offered, width, streams).map(Tile::Raster));
    }
    let raster = |lanes, strip| Tile::Raster(Raster { lanes, span: 1, strip, slabs: 1, images: false });
    tiles.extend([raster(8, 3), raster(4, 13)]);
    tiles
}

/// Notes that `place` holds something.
fn take(taken: &mut [bool], place: usize, what: impl FnOnce() -> String) {
    assert!(place < taken.len(), "{}: {place} lies outside of {}", what(), taken.len());
    assert!(!taken[place], "{}: {place} is taken", what());
    taken[place] = true;
}

/// z = M x + b as the order says that kernels go through the packed numbers.
fn product(matrix: &Matrix, packed: &[f64], x: &[f64]) -> Vec<f64> {
    let bias = usize::from(matrix.bias);
    let x = |column: usize| x.get(column).copied().unwrap_or(0.0);
    let run = 4 * matrix.run_vectors();
    let mut z = Vec::new();
    match matrix.order {
        Order::Pairs { rows } => {
            for block in packed.chunks(4 * matrix.piece_vectors()) {
                let runs: Vec<&[f64]> = block.chunks(run).collect();
                for r in 0..rows {
                    let start = if matrix.bias { runs[0][r] } else { 0.0 };
                    let pair = |(k, run): (usize, &&[f64])| run[r] * x(2 * k) + run[rows + r] * x(2 * k + 1);
                    z.push(start + runs[bias..].iter().enumerate().map(pair).sum::<f64>());
                }
            }
            z.truncate(matrix.rows);
        }
        Order::Chunks { columns } => {
            z = vec![0.0; matrix.rows];
            for (number, chunk) in packed.chunks(4 * matrix.piece_vectors()).enumerate() {
                for (z, row) in z.iter_mut().zip(chunk.chunks(run)) {
                    if matrix.bias && number == 0 {
                        *z = row[0];
                    }
                    *z += (0..columns).map(|c| row[bias + c] * x(number * columns + c)).sum::<f64>();
                }
            }
        }
        Order::Lanes { .. } => unreachable!("only gradients lie by lanes"),
    }
    z
}

/// A slab as lanes leave it that have summed up `entry(row, column)`.
fn slab(matrix: &Matrix, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let Order::Lanes { rows, columns, lanes } = matrix.order else { panic!("{matrix:?} is no gradient") };
    let mut slab = vec![f64::NAN; 4 * matrix.vectors()];
    let (chunks, run) = (matrix.columns.div_ceil(columns * lanes), (rows * columns).div_ceil(4));
    for (block, chunk) in (0..matrix.rows.div_ceil(rows)).flat_map(|block| (0..chunks).map(move |chunk| (block, chunk)))
    {
        for lane in 0..lanes {
            for (c, r) in (0..columns).flat_map(|c| (0..rows).map(move |r| (c, r))) {
                let (sum, at) = (c * rows + r, (block * chunks + chunk) * run * lanes + lane);
                let place = 4 * (at + sum / 4 * lanes) + sum % 4;
                slab[place] = entry(block * rows + r, chunk * columns * lanes + c * lanes + lane);
            }
        }
    }
    slab
}

/// Numbers that tell entries apart, and whose sums are exact.
fn entry(row: usize, column: usize) -> f64 {
    (1 + row * 1009 + column * 31) as f64
}

fn check_map(matrix: &Matrix, columns: &[usize]) {
    let mut taken = vec![false; 4 * matrix.vectors()];
    let mut packed = vec![0.0; taken.len()];
    let x: Vec<f64> = (0..matrix.columns).map(|c| (1 + c * c % 17) as f64).collect();
    let mut wanted = vec![0.0; matrix.rows];
    for (row, wanted) in wanted.iter_mut().enumerate() {
        if matrix.bias {
            let place = matrix.place(row, None);
            take(&mut taken, place, || format!("{matrix:?}, bias {row}"));
            packed[place] = row as f64;
            *wanted += row as f64;
        }
        for &column in columns {
            let place = matrix.place(row, Some(column));
            take(&mut taken, place, || format!("{matrix:?}, {row}, {column}"));
            packed[place] = entry(row, column);
            *wanted += entry(row, column) * x[column];
        }
    }
    assert_eq!(product(matrix, &packed, &x), wanted, "{matrix:?}");
}

fn check_gradient(matrix: &Matrix, columns: &[usize]) {
    let mut taken = vec![false; 4 * matrix.vectors()];
    let slab = slab(matrix, entry);
    for (row, &column) in (0..matrix.rows).flat_map(|row| columns.iter().map(move |column| (row, column))) {
        let place = matrix.place(row, Some(column));
        take(&mut taken, place, || format!("{matrix:?}, {row}, {column}"));
        assert_eq!(slab[place], entry(row, column), "{matrix:?}, {row}, {column}");
    }
}

#[test]
fn every_entry_of_every_shape_has_a_place_of_its_own() {
    for width in 1..=130 {
        for tile in tiles(width) {
            let target = tile.target();
            let shape = |inputs| Shape { inputs, outputs: 1, width, depth: 2, variant: Variant::V2, unknowns: 0 };
            for inputs in 1..=5 {
                let shape = shape(inputs);
                check_map(&target.map(&shape, Columns::Coordinates), &(0..inputs).collect::<Vec<_>>());
                check_gradient(&target.input_gradient(&shape), &(0..width).collect::<Vec<_>>());
            }
            let shape = shape(2);
            check_map(&target.transpose(&shape), &(0..width).collect::<Vec<_>>());
            for parts in 1..=3 {
                let spread = |parts: usize| -> Vec<usize> {
                    (0..parts).flat_map(|part| (0..width).map(move |k| part * target.pitch(&shape) + k)).collect()
                };
                check_map(&target.map(&shape, Columns::Features(parts)), &spread(parts));
                let (matrix, share) = target.gradient(&shape, parts);
                assert_eq!(parts % share, 0, "parts fill their matrices");
                check_gradient(&matrix, &spread(share));
            }
        }
    }
}

/// The same of whole networks: no two parameters share a number of the packed weights or of a slab.
#[test]
fn every_parameter_has_places_of_its_own() {
    for width in 1..=130 {
        for (tile, &network) in tiles(width).into_iter().flat_map(|tile| networks::ALL.iter().map(move |n| (tile, n))) {
            // the paper's networks in every width, the others in some
            if width % 7 > 0 && !["mlp", "lda"].contains(&network.name()) {
                continue;
            }
            let variant = if width % 2 == 0 { Variant::V1 } else { Variant::V2 };
            let any = Shape { inputs: 1 + width % 5, outputs: 1 + width % 3, width, depth: 2, variant, unknowns: 0 };
            // some are for two coordinates
            let shape = if network.fit(any).is_ok() { any } else { Shape { inputs: 2, ..any } };
            let packing = Packing::new(&shape, &network.program(&shape), tile.target());
            let layout = network.layout(&shape);
            let mut trained = vec![true; layout.len];
            layout.slots.iter().filter(|slot| !slot.trained).for_each(|slot| trained[slot.range()].fill(false));
            let name = || format!("{} of width {width}, {tile:?}", network.name());
            let mut weights = vec![false; 4 * packing.weights_vectors];
            let mut slab = vec![false; 4 * packing.slab_vectors];
            let mut owned = BTreeSet::new();
            for &(at, p) in &packing.untrained {
                assert!(!trained[p], "{}: parameter {p} is trained", name());
                take(&mut weights, at, name);
            }
            for (p, place) in packing.places.iter().enumerate() {
                for at in [place.packed, place.transposed].into_iter().filter(|&at| at != NONE) {
                    take(&mut weights, at as usize, name);
                }
                assert_eq!(place.slab != NONE, trained[p], "{}: gradient of parameter {p}", name());
                if place.slab == NONE {
                    continue;
                }
                // the second branch of a difference has its twin's
                if place.partner != p as u32 {
                    take(&mut slab, place.slab as usize, name);
                    owned.insert(place.slab);
                }
            }
            let owners = packing.owners();
            let found = (0..owners.len() as u32).filter(|&at| owners[at as usize][0] != NONE).collect::<BTreeSet<_>>();
            assert_eq!(found, owned, "{}", name());
        }
    }
}
