//! Where a step is cut into dispatches between points and gradient slabs. Every plan runs the same stages on the same
//! feature vectors, so all give the same bits; they differ in what stays in registers and in how many dispatches it takes.

use super::network::{Grain, Network, Stage, Way};

/// How long the feature vectors of a tile are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Until the workgroup turns to its next tile.
    PerWorkgroup,
    /// Until the end of the step, so that other dispatches can go on with them.
    PerTile,
}

/// A way to cut the step into kernels.
pub trait Plan: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What it does, in one line.
    fn summary(&self) -> &'static str;
    /// What becomes of feature vectors between tiles.
    fn keeps(&self) -> Keep;
    /// Its kernels and dispatches for the terms that travel with one jet.
    fn cut(&self, network: &Network) -> Cuts;
}

/// Every plan, in the order `list` prints them.
pub static ALL: &[&dyn Plan] = &[&Fused, &Layered, &Unfused];

/// The plan called `name`; the error says what was probably meant.
///
/// # Errors
/// There is no such plan.
pub fn find(name: &str) -> Result<&'static dyn Plan, String> {
    ALL.iter().copied().find(|plan| plan.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|plan| plan.name()).collect();
        crate::math::names::unknown("plan", name, &known)
    })
}

/// What a plan makes of a network.
#[derive(Default)]
pub struct Cuts {
    pub pieces: Vec<Piece>,
    pub dispatches: Vec<Cut>,
}

/// One kernel of a plan.
pub struct Piece {
    /// The shader below `shaders/kernels` that its text is written for.
    pub kernel: &'static str,
    pub text: String,
    /// What it computes, an equation each.
    pub equations: Vec<String>,
}

/// One dispatch of a plan.
pub struct Cut {
    pub piece: usize,
    /// The hidden layer that it works on.
    pub layer: usize,
    pub label: String,
    pub work: Vec<Work>,
}

/// Arithmetic of a dispatch, for listings.
#[derive(Clone, Copy)]
pub enum Work {
    Map { map: usize, layer: usize, way: Way },
    Outputs,
}

/// Everything about a tile in one dispatch.
pub struct Fused;

/// One forward and one backward dispatch per hidden layer.
pub struct Layered;

/// One dispatch per op.
pub struct Unfused;

fn equations(stages: &[&[Stage]]) -> Vec<String> {
    stages.iter().flat_map(|stages| stages.iter().map(|stage| stage.label.clone())).collect()
}

fn work_of(stages: &[&[Stage]], layer: usize) -> Vec<Work> {
    let here = stages.iter().flat_map(|stages| stages.iter().filter(|stage| stage.when.includes(layer)));
    here.filter_map(|stage| stage.map).map(|(map, way)| Work::Map { map, layer, way }).collect()
}

/// The two ways through a layer as functions, and their stages.
fn layers(network: &Network) -> [(String, Vec<Stage>); 2] {
    let forward = network.forward(Grain::Fused);
    let mut backward = network.backward(Grain::Fused);
    backward.extend(network.gradients());
    [
        (network.sequence("fn forward_layer(l: u32)", &forward), forward),
        (network.sequence("fn backward_layer(local: u32, l: u32)", &backward), backward),
    ]
}

impl Plan for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn summary(&self) -> &'static str {
        "one dispatch per jet order: jets, residual, adjoint and partial weight gradients of a tile of points"
    }

    fn keeps(&self) -> Keep {
        Keep::PerWorkgroup
    }

    fn cut(&self, network: &Network) -> Cuts {
        let [(forward, ahead), (backward, back)] = layers(network);
        let stages = [&ahead[..], &back[..]];
        let text = format!("{forward}\n{}\n{backward}", network.outputs_adjoint());
        let mut work: Vec<Work> = (0..network.shape.depth).flat_map(|layer| work_of(&stages, layer)).collect();
        work.push(Work::Outputs);
        Cuts {
            pieces: vec![Piece { kernel: "fused", text, equations: equations(&stages) }],
            dispatches: vec![Cut { piece: 0, layer: 0, label: "fused".into(), work }],
        }
    }
}

/// Forward only, to the residuals: the same for every plan.
pub fn measure(network: &Network) -> (Piece, Vec<Work>) {
    let stages = network.forward(Grain::Fused);
    let text = network.sequence("fn forward_layer(l: u32)", &stages);
    let work = (0..network.shape.depth).flat_map(|layer| work_of(&[&stages], layer)).collect();
    (Piece { kernel: "measure", text, equations: equations(&[&stages]) }, work)
}

/// A kernel `stage` around `statements`; `loss` is what one tile adds to the loss.
fn piece(functions: &str, statements: &str, loss: Option<&str>, equations: Vec<String>) -> Piece {
    let text = format!(
        "{functions}\nconst LOSES = {};\n\nfn part(local: u32, l: u32, work: Assigned, tile: u32) -> f32 {{\n{statements}    return {};\n}}\n",
        loss.is_some(),
        loss.unwrap_or("0.0")
    );
    Piece { kernel: "stage", text, equations }
}

impl Plan for Layered {
    fn name(&self) -> &'static str {
        "layered"
    }

    fn summary(&self) -> &'static str {
        "one forward and one backward dispatch per hidden layer, features in memory between them"
    }

    fn keeps(&self) -> Keep {
        Keep::PerTile
    }

    fn cut(&self, network: &Network) -> Cuts {
        let [(forward, ahead), (backward, back)] = layers(network);
        let inputs = "    if l == 0u { load_tile(work, tile); }\n    barrier();\n    forward_layer(l);\n";
        let residual = "    outputs();\n    barrier();\n    let loss = residuals(work, tile);\n    barrier();\n    \
                        output_gradient(local);\n    outputs_adjoint_stage();\n";
        let pieces = vec![
            piece(&forward, inputs, None, equations(&[&ahead])),
            piece(&network.outputs_adjoint(), residual, Some("loss"), vec!["residual and its adjoint".into()]),
            piece(&backward, "    backward_layer(local, l);\n", None, equations(&[&back])),
        ];
        let depth = network.shape.depth;
        let of =
            |piece: usize, layer: usize, label: &str, work: Vec<Work>| Cut { piece, layer, label: label.into(), work };
        let mut dispatches: Vec<Cut> =
            (0..depth).map(|layer| of(0, layer, "forward", work_of(&[&ahead], layer))).collect();
        dispatches.push(of(1, 0, "residual", vec![Work::Outputs]));
        dispatches.extend((0..depth).rev().map(|layer| of(2, layer, "backward", work_of(&[&back], layer))));
        Cuts { pieces, dispatches }
    }
}

impl Plan for Unfused {
    fn name(&self) -> &'static str {
        "unfused"
    }

    fn summary(&self) -> &'static str {
        "one dispatch per op, every intermediate in memory: how frameworks execute"
    }

    fn keeps(&self) -> Keep {
        Keep::PerTile
    }

    fn cut(&self, network: &Network) -> Cuts {
        let depth = network.shape.depth;
        let mut cuts = Cuts::default();
        let alone =
            |cuts: &mut Cuts, functions: &str, statement: &str, loss: Option<&str>, label: &str, work: Vec<Work>| {
                cuts.dispatches.push(Cut { piece: cuts.pieces.len(), layer: 0, label: label.into(), work });
                cuts.pieces.push(piece(functions, statement, loss, vec![label.into()]));
            };
        // the same kernels serve all layers
        let layer_stages = |cuts: &mut Cuts, stages: &[Stage], order: &[usize]| {
            let first = cuts.pieces.len();
            for stage in stages {
                cuts.pieces.push(piece(&stage.text, &format!("    {}\n", stage.call), None, vec![stage.label.clone()]));
            }
            for &layer in order {
                for (i, stage) in stages.iter().enumerate().filter(|(_, stage)| stage.when.includes(layer)) {
                    let work = work_of(&[std::slice::from_ref(stage)], layer);
                    cuts.dispatches.push(Cut { piece: first + i, layer, label: stage.label.clone(), work });
                }
            }
        };
        alone(&mut cuts, "", "    load_tile(work, tile);\n", None, "inputs", vec![]);
        layer_stages(&mut cuts, &network.forward(Grain::Apart), &(0..depth).collect::<Vec<_>>());
        alone(&mut cuts, "", "    outputs();\n", None, "y = W a + b of the output layer", vec![Work::Outputs]);
        alone(
            &mut cuts,
            "",
            "    let loss = residuals(work, tile);\n",
            Some("loss"),
            "residual and its adjoint",
            vec![],
        );
        alone(&mut cuts, "", "    output_gradient(local);\n", None, "gradient of the output layer", vec![]);
        let adjoint = network.outputs_adjoint();
        alone(&mut cuts, &adjoint, "    outputs_adjoint_stage();\n", None, "a_bar of the last layer", vec![]);
        let mut back = network.backward(Grain::Apart);
        back.extend(network.gradients());
        layer_stages(&mut cuts, &back, &(0..depth).rev().collect::<Vec<_>>());
        cuts
    }
}
