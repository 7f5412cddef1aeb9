// Every parser of user files as a function of bytes: true if the file is accepted. Shared by the fuzz targets
// and by the ordinary test that needs no fuzzer.

use acr_pinn_gpu::lab::{Card, timing};
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{Mlp, Network, Shape};
use acr_pinn_gpu::problems::{self, reference};
use acr_pinn_gpu::training::{Checkpoint, Model, Options, points};

/// A parser's name and whether it accepts these bytes.
pub type Parser = (&'static str, fn(&[u8]) -> bool);

pub const ALL: [Parser; 6] = [
    ("model", model),
    ("points", points),
    ("config", config),
    ("card", card),
    ("reference", reference),
    ("bench", bench),
];

/// The network of the corpus.
const SHAPE: Shape = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant: Variant::V2 };

pub fn model(bytes: &[u8]) -> bool {
    Model::parse(bytes).is_ok() | Checkpoint::parse(bytes, &Mlp.layout(&SHAPE)).is_ok()
}

pub fn points(bytes: &[u8]) -> bool {
    problems::ALL.iter().any(|problem| points::sets(*problem, bytes).is_ok() || points::list(*problem, bytes).is_ok())
}

pub fn config(bytes: &[u8]) -> bool {
    Options::parse(bytes).is_ok()
}

pub fn card(bytes: &[u8]) -> bool {
    Card::parse(bytes).is_ok()
}

pub fn reference(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| reference::cavity::from_csv(text, text).is_ok())
}

pub fn bench(bytes: &[u8]) -> bool {
    timing::Document::parse(bytes).is_ok()
}
