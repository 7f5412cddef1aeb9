//! Emitted jets: their algebra on the device against nested duals in f64, as that of the hand-written ones is (`verify` runs
//! those); their texts in other languages; and one text whole, to read.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use acr_pinn_gpu::gpu::{Capabilities, Gpu, join};
use acr_pinn_gpu::kernels::jets::{make, part, read};
use acr_pinn_gpu::kernels::{Tile, gpu};
use acr_pinn_gpu::lab::jets::{check, emitted, texts};
use acr_pinn_gpu::lab::products::Subject;
use acr_pinn_gpu::math::{Jet, MultiIndex, Stream};
use naga::valid::{ValidationFlags, Validator};

fn of(needs: &[&[usize]], laplacian: &[usize]) -> Jet {
    let needs: Vec<MultiIndex> = needs.iter().map(|axes| MultiIndex::of(axes)).collect();
    Jet::emitted(&needs, laplacian).unwrap()
}

#[test]
fn the_algebra_of_every_emitted_jet_is_that_of_f64() {
    let gpu = common::gpu();
    let (jets, next) = (emitted(), AtomicUsize::new(0));
    let work = |gpu: &Gpu| {
        let mut failures = Vec::new();
        while let Some(&jet) = jets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = std::time::Instant::now();
            for (name, report) in check(gpu, jet).unwrap_or_else(|error| panic!("{}: {error}", jet.name())) {
                if !report.passed() {
                    failures.push(format!("{} {name}: {}", jet.name(), report.failures()[0]));
                }
            }
            eprintln!("{:6.2} s: {}, {} streams", start.elapsed().as_secs_f64(), jet.name(), jet.streams());
        }
        failures
    };
    let second = gpu.reopen().unwrap();
    let failures = std::thread::scope(|scope| {
        let other = scope.spawn(|| work(&second));
        let mut failures = work(&gpu);
        failures.extend(other.join().unwrap());
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_wrong_rule_is_noticed() {
    for (jet, right, wrong) in [
        (of(&[&[0, 0, 0, 0]], &[]), "6.0 * s_00 * z_00", "4.0 * s_00 * z_00"),
        (of(&[&[0, 1]], &[]), "a_0 * b_1 + b_0 * a_1", "a_0 * b_1 + b_1 * a_0"),
        (of(&[&[0, 0], &[1]], &[]), "2.0 * b_0 * c_00", "b_0 * c_00"),
        (of(&[], &[0, 1, 2]), "LAPLACIAN[2] * bend * b_2", "LAPLACIAN[1] * bend * b_2"),
    ] {
        let gpu = common::gpu().with_slip(right, wrong);
        let passed = check(&gpu, jet).unwrap().iter().all(|(_, report)| report.passed());
        assert!(gpu.slips() >= 1, "`{right}` stands in no kernel of {}", jet.name());
        assert!(!passed, "`{wrong}` instead of `{right}`");
    }
}

/// Valid without any extension, and in the languages of Metal and Direct3D: the algebra, and the products that carry it.
#[test]
fn emitted_jets_are_core_webgpu() {
    let offered = Capabilities::webgpu();
    for jet in emitted() {
        let tile = Tile::Gpu(gpu::Gpu::default_for(&offered, 16, jet.streams()));
        let products = Subject { tile, width: 16, inputs: jet.axes(), jet }.parts();
        for (label, text) in [("algebra", join(&texts(jet))), ("products", join(&products))] {
            let name = format!("{label} of {}", jet.name());
            let module =
                naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)));
            let info = Validator::new(ValidationFlags::all(), naga::valid::Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)));
            let entry = Some((naga::ShaderStage::Compute, label.to_owned()));
            let options = naga::back::msl::Options { lang_version: (2, 4), ..Default::default() };
            let pipeline = naga::back::msl::PipelineOptions { entry_point: entry.clone(), ..Default::default() };
            naga::back::msl::write_string(&module, &info, &options, &pipeline)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            let (options, pipeline) = (Default::default(), naga::back::hlsl::PipelineOptions { entry_point: entry });
            naga::back::hlsl::Writer::new(&mut String::new(), &options, &pipeline)
                .write(&module, &info, None)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn streams_are_read_and_made_by_name() {
    let slope = |axis: usize| Stream::along(&[axis]);
    assert_eq!(read(Jet::Value, "u[0]", Stream::VALUE).unwrap(), "u[0]");
    assert_eq!(read(Jet::Second, "u[0]", Stream::Laplacian).unwrap(), "u[0].w");
    assert_eq!(read(Jet::Second5d, "u", slope(4)).unwrap(), "u[1].y");
    assert_eq!(read(Jet::Third, "u", Stream::along(&[1, 0])).unwrap(), "u[1].x");
    assert_eq!(read(Jet::Third, "u", Stream::SlopeOfLaplacian(1)).unwrap(), "u[1].w");
    assert_eq!(read(Jet::Third, "u", Stream::along(&[0, 0, 0])), None);
    // five streams are two columns of three
    let poisson = of(&[], &[0, 1, 2]);
    assert_eq!(read(poisson, "u[1]", Stream::Laplacian).unwrap(), "u[1][1].y");
    let bar = make(poisson, |stream| match stream {
        Stream::Laplacian => Some("-r_bar.x".into()),
        stream => (stream == slope(1)).then(|| "2.0 * r_bar.y".into()),
    });
    assert_eq!(bar, "mat2x3f(0.0, 0.0, 2.0 * r_bar.y, 0.0, -r_bar.x, 0.0)");
}

#[test]
fn the_text_of_a_jet_reads_like_its_equations() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let plate = of(&[&[0, 0, 0, 0], &[0, 0, 1, 1], &[1, 1, 1, 1]], &[]);
    for (name, jet) in [("jet_of_poisson_3d", of(&[], &[0, 1, 2])), ("jet_of_a_plate", plate)] {
        settings.bind(|| insta::assert_snapshot!(name, part(jet).text));
    }
}
