//! Every kernel of the target `gpu` is core WebGPU: valid without any extension, within the limits that every implementation
//! guarantees, and translated to the languages of Metal and Direct3D.

mod common;

use std::collections::BTreeSet;

use acr_pinn_gpu::gpu::{Capabilities, join};
use acr_pinn_gpu::kernels::{self, Blueprint, Plan, Tile};
use acr_pinn_gpu::lab::Case;
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{
    DirectInjection, FixedAverage, Fourier, Lda, Mlp, ModifiedMlp, Network, SeparateLda, SingleEncoder, StaticGate,
};
use acr_pinn_gpu::oracle;
use acr_pinn_gpu::problems::{self, Problem};
use acr_pinn_gpu::strategies::{self, Strategy};
use naga::valid::{ModuleInfo, ValidationFlags, Validator};

/// What WebGPU guarantees, in numbers of its own: storage buffers of a kernel, bytes of workgroup memory, threads of a workgroup.
const LIMITS: [usize; 3] = [8, 16 << 10, 256];

/// The paper's networks, and then those that meet one problem of each jet.
const FORMS: [(&dyn Network, Variant); 10] = [
    (&Mlp, Variant::V2),
    (&Lda, Variant::V1),
    (&Lda, Variant::V2),
    (&ModifiedMlp, Variant::V2),
    (&Fourier, Variant::V2),
    (&DirectInjection, Variant::V2),
    (&SingleEncoder, Variant::V2),
    (&FixedAverage, Variant::V2),
    (&StaticGate, Variant::V2),
    (&SeparateLda, Variant::V2),
];
const PAPERS: usize = 3;

/// The kernels of a step on any WebGPU: entry point and text.
fn kernels(
    problem: &'static dyn Problem,
    plan: &'static dyn Plan,
    form: usize,
    strategy: &'static dyn Strategy,
) -> Vec<(&'static str, String)> {
    let (network, variant) = FORMS[form];
    let offered = Capabilities::webgpu();
    let mut case = Case::new(problem, network, variant, [50, 4], &[500, 100]);
    (case.plan, case.strategy) = (plan, strategy);
    let setup = case.setup();
    let tile = Tile::default_for(&offered, &setup);
    assert_eq!(tile.target().name(), "gpu");
    let blueprint =
        Blueprint::new(&setup, plan, &tile, &offered).unwrap_or_else(|error| panic!("{}: {error}", case.name()));
    blueprint.kernels.iter().map(|kernel| (kernel.label, join(&kernel.parts))).collect()
}

/// Storage buffers, bytes of workgroup memory and threads of an entry point.
fn needs(module: &naga::Module, info: &ModuleInfo, entry: usize) -> [usize; 3] {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap();
    let used = info.get_entry_point(entry);
    let (mut buffers, mut bytes) = (0, 0);
    for (_, variable) in module.global_variables.iter().filter(|(handle, _)| !used[*handle].is_empty()) {
        match variable.space {
            naga::AddressSpace::Storage { .. } => buffers += 1,
            naga::AddressSpace::WorkGroup => bytes += layouter[variable.ty].size as usize,
            _ => {}
        }
    }
    [buffers, bytes, module.entry_points[entry].workgroup_size.iter().product::<u32>() as usize]
}

fn translate(label: &str, module: &naga::Module, info: &ModuleInfo) -> Result<(), String> {
    use naga::back::{hlsl, msl};
    let stage = naga::ShaderStage::Compute;
    let entry = Some((stage, label.to_owned()));
    let options = msl::Options { lang_version: (2, 4), ..Default::default() };
    let pipeline = msl::PipelineOptions { entry_point: entry.clone(), ..Default::default() };
    let (text, _) = msl::write_string(module, info, &options, &pipeline).map_err(|e| format!("Metal: {e}"))?;
    assert!(text.contains(label));
    let (options, pipeline) = (hlsl::Options::default(), hlsl::PipelineOptions { entry_point: entry });
    let mut text = String::new();
    hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(module, info, None)
        .map_err(|e| format!("Direct3D: {e}"))?;
    assert!(text.contains(label));
    Ok(())
}

#[test]
fn every_kernel_is_core_webgpu() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for &problem in problems::ALL {
        let first = problems::ALL.iter().find(|other| other.jet() == problem.jet());
        let forms = if first.is_some_and(|first| first.name() == problem.name()) { FORMS.len() } else { PAPERS };
        let fits = |form: &usize| FORMS[*form].0.fit(oracle::shape(problem, 50, 4, FORMS[*form].1)).is_ok();
        let every = kernels::ALL
            .iter()
            .flat_map(|plan| (0..forms).filter(fits).map(move |form| (plan, form, &strategies::ALL[0])));
        // a strategy meets nothing of a network, and nothing of a problem but its number of terms
        let others = strategies::ALL.iter().map(|strategy| (&kernels::ALL[0], 0, strategy));
        for (&plan, form, &strategy) in every.chain(others) {
            for (label, text) in kernels(problem, plan, form, strategy) {
                if !seen.insert(text.clone()) {
                    continue;
                }
                let (network, variant) = FORMS[form];
                let name = format!(
                    "{label} of {}, {} {}, {}, {}",
                    problem.name(),
                    network.name(),
                    variant.name(),
                    plan.name(),
                    strategy.name()
                );
                let module = naga::front::wgsl::parse_str(&text)
                    .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)));
                let info = Validator::new(ValidationFlags::all(), naga::valid::Capabilities::empty())
                    .validate(&module)
                    .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)));
                let entry = module.entry_points.iter().position(|entry| entry.name == label).unwrap();
                let needs = needs(&module, &info, entry);
                if needs.iter().zip(LIMITS).any(|(&needed, limit)| needed > limit) {
                    wrong.push(format!("{name}: [buffers, bytes, threads] are {needs:?}"));
                }
                wrong.extend(translate(label, &module, &info).err().map(|error| format!("{name}: {error}")));
            }
        }
    }
    eprintln!("{} kernels", seen.len());
    assert!(seen.len() > 500, "only {} different kernels were found", seen.len());
    assert!(wrong.is_empty(), "{} kernels:\n{}", wrong.len(), wrong.join("\n"));
}
