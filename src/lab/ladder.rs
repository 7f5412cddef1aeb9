//! What is timed: every plan as it comes, and then with each of its switches the other way, one at a time. Switches
//! are the fields of [`Tile`] that are true or false, found by looking at one, so a new switch is a new rung; the
//! shader compiler's checks are one more.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::tile::{self, TARGETS};
use crate::kernels::{self, Plan, Setup, Tile};
use crate::math::names;

/// One way to compute the same step.
#[derive(Clone)]
pub struct Rung {
    pub plan: &'static dyn Plan,
    /// Whether kernels keep the shader compiler's runtime checks.
    pub checked: bool,
    pub tile: Tile,
    /// What is not as the adapter's choice has it, such as `slabs=64`; empty for that choice.
    pub change: String,
}

impl Rung {
    /// Plan and change.
    pub fn name(&self) -> String {
        match self.change.as_str() {
            "" => self.plan.name().to_owned(),
            change => format!("{} {change}", self.plan.name()),
        }
    }
}

/// What to go through.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of plans; all if empty.
    pub plans: Vec<String>,
    /// Changes such as `slabs=64,span=1`, each a rung of its own, instead of the switches one by one.
    pub with: Vec<String>,
    /// Plans as they come, without any change.
    pub plain: bool,
}

/// The rungs of every wanted plan, beginning with the plan as it comes on `gpu`. `checked` says whether checks
/// were asked for; `chosen` are the adapter's tiles, as asked for and with checks the other way. The other target is a
/// rung, too, and every switch of the tile; what cannot run on this adapter is none.
///
/// # Errors
/// Names of plans, targets or sizes that do not exist, and values that do not fit them.
pub fn rungs(wanted: &Wanted, chosen: [Tile; 2], checked: bool, gpu: &Gpu, setup: &Setup) -> Result<Vec<Rung>> {
    let plans: Vec<&'static dyn Plan> = match wanted.plans.is_empty() {
        true => kernels::ALL.to_vec(),
        false => wanted.plans.iter().map(|name| kernels::find(name).map_err(Error::Usage)).collect::<Result<_>>()?,
    };
    let offered = gpu.capabilities();
    let of_target = |name: &str| {
        tile::known(name)?;
        Tile::of_target(name, &offered, setup).ok_or_else(|| format!("this adapter cannot run the target `{name}`"))
    };
    let possible = |tile: &Tile| tile.target().check(&offered, &setup.shape, setup.problem.jet()).is_ok();
    let mut changes = vec![(String::new(), chosen[0], checked)];
    for change in &wanted.with {
        let (tile, checked) = changed(chosen, change, checked, &of_target).map_err(Error::Usage)?;
        changes.push((change.clone(), tile, checked));
    }
    if wanted.with.is_empty() && !wanted.plain {
        let (_, own) = fields(&chosen[0]);
        let switches = own.iter().filter_map(|(name, value)| Some(format!("{name}={}", !value.as_bool()?)));
        let others = TARGETS.iter().filter(|(name, _)| *name != chosen[0].target().name());
        for change in switches.chain(others.map(|(name, _)| format!("{TARGET}={name}"))) {
            // a target that this adapter does not offer is no rung
            let Ok((tile, checked)) = changed(chosen, &change, checked, &of_target) else { continue };
            if possible(&tile) {
                changes.push((change, tile, checked));
            }
        }
        changes.push((format!("{CHECKED}={}", !checked), chosen[1], !checked));
    }
    let of = |plan: &'static dyn Plan| {
        changes.iter().map(move |(change, tile, checked)| Rung {
            plan,
            checked: *checked,
            tile: *tile,
            change: change.clone(),
        })
    };
    Ok(plans.into_iter().flat_map(of).collect())
}

/// The switches that are no part of a tile.
const CHECKED: &str = "checked";
const TARGET: &str = "target";

/// A tile's target, and names and values of its sizes and switches.
fn fields(tile: &Tile) -> (String, Map<String, Value>) {
    match serde_json::to_value(tile) {
        Ok(Value::Object(outer)) => match outer.into_iter().next() {
            Some((target, Value::Object(own))) => (target, own),
            _ => unreachable!("a tile is a target with plain values"),
        },
        _ => unreachable!("a tile is a target with plain values"),
    }
}

/// A tile with `KEY=VALUE,…` instead of its own values.
fn changed(
    chosen: [Tile; 2],
    change: &str,
    asked: bool,
    of_target: &dyn Fn(&str) -> std::result::Result<Tile, String>,
) -> std::result::Result<(Tile, bool), String> {
    let mut checked = asked;
    let mut target = None;
    let mut others = Vec::new();
    for part in change.split(',') {
        let (key, text) =
            part.split_once('=').ok_or_else(|| format!("`{part}`: expected KEY=VALUE, such as slabs=64"))?;
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        match key {
            CHECKED => checked = value.as_bool().ok_or_else(|| format!("`{part}`: true or false"))?,
            TARGET => target = Some(of_target(text)?),
            _ => others.push((key, value)),
        }
    }
    let tile = target.unwrap_or(chosen[usize::from(checked != asked)]);
    let tile = with(&tile, &others).map_err(|what| format!("`{change}`: {what}"))?;
    Ok((tile, checked))
}

/// `tile` with the sizes of `KEY=VALUE,…` instead of its own, for a step that is not run here.
///
/// # Errors
/// What is no size of this tile.
pub fn sized(tile: &Tile, change: &str) -> Result<Tile> {
    let other = |name: &str| Err(format!("target={name}: the target is chosen before its sizes"));
    match changed([*tile; 2], change, false, &other).map_err(Error::Usage)? {
        (tile, false) => Ok(tile),
        _ => Err(Error::Usage(format!("`{change}`: checks are the compiler's, and no size"))),
    }
}

/// `tile` with these values instead of its own.
///
/// # Errors
/// Sizes that it does not have, and values that do not fit.
pub fn with(tile: &Tile, changes: &[(&str, Value)]) -> std::result::Result<Tile, String> {
    let (target, mut own) = fields(tile);
    for (key, value) in changes {
        let known: Vec<&str> = own.keys().map(String::as_str).chain([CHECKED, TARGET]).collect();
        let unknown = names::unknown("size or switch", key, &known);
        *own.get_mut(*key).ok_or(unknown)? = value.clone();
    }
    let sizes = own.iter().filter_map(|(key, value)| Some((key, value.as_u64()?)));
    if let Some((key, size)) = sizes.into_iter().find(|(_, size)| !(1..=4096).contains(size)) {
        return Err(format!("{key}={size}: sizes of a tile lie in 1..4096"));
    }
    let outer = Map::from_iter([(target, Value::Object(own))]);
    serde_json::from_value(Value::Object(outer)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::gpu;

    const TILE: gpu::Gpu = gpu::Gpu { lanes: 32, groups: 5, rows: 10, columns: 2, slabs: 512 };

    #[test]
    fn changes_are_applied_and_mistakes_are_named() {
        let other = Tile::Gpu(gpu::Gpu { lanes: 16, ..TILE });
        let of_target = |name: &str| if name == "gpu" { Ok(other) } else { Err(format!("no target `{name}`")) };
        let with = |change: &str| changed([Tile::Gpu(TILE); 2], change, false, &of_target);
        assert_eq!(with("groups=2,rows=7").unwrap(), (Tile::Gpu(gpu::Gpu { groups: 2, rows: 7, ..TILE }), false));
        assert_eq!(with("checked=true").unwrap(), (Tile::Gpu(TILE), true));
        assert_eq!(with("target=gpu,rows=7").unwrap().0, Tile::Gpu(gpu::Gpu { lanes: 16, rows: 7, ..TILE }));
        for (change, part) in [
            ("group=2", "did you mean `groups`"),
            ("groups", "KEY=VALUE"),
            ("groups=many", "groups=many"),
            ("rows=0", "1..4096"),
            ("checked=2", "true or false"),
            ("target=cpu", "no target `cpu`"),
        ] {
            let message = with(change).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}
