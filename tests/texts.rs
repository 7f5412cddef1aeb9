//! The linked texts of `fused`, whole: read `tests/snapshots` to see what a change does to kernels, and as the place to begin
//! with them. After a change on purpose: `INSTA_UPDATE=always cargo test --test texts`.

mod common;

use acr_pinn_gpu::gpu::{Capabilities, join};
use acr_pinn_gpu::kernels::{Blueprint, Fused, Tile};
use acr_pinn_gpu::lab::Case;
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{self, Lda, Mlp, Network};
use acr_pinn_gpu::problems::KleinGordon;

/// The kernel of the equation, as a compiler gets it; the conditions' differs in its jet and its residual.
fn check(network: &'static dyn Network, offered: &Capabilities, size: [usize; 2]) {
    let case = Case::new(&KleinGordon::DEFAULT, network, Variant::V2, size, &[10_000, 200, 200]);
    let setup = case.setup();
    let tile = Tile::default_for(offered, &setup);
    let blueprint = Blueprint::new(&setup, &Fused, &tile, offered).unwrap();
    let kernel = blueprint.kernels.iter().find(|kernel| kernel.label == "fused").unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(format!("{}, {} {}×{}, {tile:?}", case.problem.name(), network.name(), size[0], size[1]));
    let name = format!("fused_{}_{}", tile.target().name(), network.name());
    settings.bind(|| insta::assert_snapshot!(name, join(&kernel.parts)));
}

#[test]
fn gpu_lda() {
    check(&Lda, &Capabilities::webgpu(), [50, 4]);
}

#[test]
fn gpu_mlp() {
    check(&Mlp, &Capabilities::webgpu(), [50, 4]);
}

/// A small network: this target writes every column out.
#[test]
fn raster_lda() {
    check(&Lda, &Capabilities::rasteriser(), [16, 3]);
}

#[test]
fn raster_mlp() {
    check(&Mlp, &Capabilities::rasteriser(), [16, 3]);
}

/// Of the other networks what is written for them alone.
#[test]
fn other_networks() {
    let offered = Capabilities::webgpu();
    for &network in networks::ALL.iter().filter(|network| !["mlp", "lda", "matched"].contains(&network.name())) {
        let case = Case::new(&KleinGordon::DEFAULT, network, Variant::V2, [50, 4], &[10_000, 200, 200]);
        let setup = case.setup();
        let blueprint = Blueprint::new(&setup, &Fused, &Tile::default_for(&offered, &setup), &offered).unwrap();
        let kernel = blueprint.kernels.iter().find(|kernel| kernel.label == "fused").unwrap();
        let own: Vec<_> = kernel.parts.iter().filter(|part| part.name.starts_with("network ")).cloned().collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("network_{}", network.name()), join(&own)));
    }
}

/// Where the loader finds no driver at all, the texts can still be read.
#[test]
fn a_listing_needs_no_adapter() {
    for target in ["gpu", "raster"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("texts");
        let mut command = common::program();
        command
            .env("VK_DRIVER_FILES", folder.path().join("none.json"))
            .env("VK_ICD_FILENAMES", folder.path().join("none.json"));
        let listing =
            command.args(["kernels", "klein-gordon", "--target", target, "--out"]).arg(&out).output().unwrap();
        assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
        let texts = std::fs::read_dir(&out).unwrap().filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension().is_some_and(|extension| extension == "wgsl")
        });
        assert!(texts.count() >= 5, "sampler, two fused kernels, reduction, coefficients and update");
    }
}
