//! What is timed: every plan as it comes, and then with each of its switches the other way, one at a time. Switches
//! are the fields of [`Tile`] that are true or false, found by looking at one, so a new switch is a new rung; the
//! shader compiler's checks are one more.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::math::names;
use crate::plans::{self, Plan, Tile};

/// One way to compute the same step.
#[derive(Clone)]
pub struct Rung {
    pub plan: &'static dyn Plan,
    /// Whether kernels keep the shader compiler's runtime checks.
    pub checked: bool,
    pub tile: Tile,
    /// What is not as the adapter's choice has it, such as `groups=2`; empty for that choice.
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
    /// Changes such as `groups=2,rows=10`, each a rung of its own, instead of the switches one by one.
    pub with: Vec<String>,
    /// Plans as they come, without any change.
    pub plain: bool,
}

/// The rungs of every wanted plan, beginning with the plan as it comes on this adapter. `checked` says whether checks
/// were asked for; `chosen` are the adapter's tiles, as asked for and with checks the other way, which may need another.
/// A switch that `possible` rules out on this adapter, or that the plan settles itself, is no rung.
///
/// # Errors
/// Names of plans or tile sizes that do not exist, and values that do not fit them.
pub fn rungs(wanted: &Wanted, chosen: [Tile; 2], checked: bool, possible: &dyn Fn(&Tile) -> bool) -> Result<Vec<Rung>> {
    let plans: Vec<&'static dyn Plan> = match wanted.plans.is_empty() {
        true => plans::ALL.to_vec(),
        false => wanted.plans.iter().map(|name| plans::find(name).map_err(Error::Usage)).collect::<Result<_>>()?,
    };
    let mut changes = vec![(String::new(), chosen[0], checked)];
    for change in &wanted.with {
        let (tile, checked) = changed(chosen, change, checked).map_err(Error::Usage)?;
        changes.push((change.clone(), tile, checked));
    }
    if wanted.with.is_empty() && !wanted.plain {
        for (name, value) in &fields(&chosen[0]) {
            let Some(on) = value.as_bool() else { continue };
            let change = format!("{name}={}", !on);
            let (tile, checked) = changed(chosen, &change, checked).map_err(Error::Usage)?;
            if possible(&tile) {
                changes.push((change, tile, checked));
            }
        }
        changes.push((format!("{CHECKED}={}", !checked), chosen[1], !checked));
    }
    let of = |plan: &'static dyn Plan| {
        let plain = plan.settled(chosen[0]);
        let moves = move |change: &&(String, Tile, bool)| {
            let (name, tile, own) = *change;
            name.is_empty() || !wanted.with.is_empty() || *own != checked || plan.settled(*tile) != plain
        };
        changes.iter().filter(moves).map(move |(change, tile, checked)| Rung {
            plan,
            checked: *checked,
            tile: *tile,
            change: change.clone(),
        })
    };
    Ok(plans.into_iter().flat_map(of).collect())
}

/// The switch that is no part of a tile.
const CHECKED: &str = "checked";

/// Names and values of a tile's sizes and switches.
fn fields(tile: &Tile) -> Map<String, Value> {
    match serde_json::to_value(tile) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("a tile is a structure of plain values"),
    }
}

/// A tile with `KEY=VALUE,…` instead of its own values.
fn changed(chosen: [Tile; 2], change: &str, asked: bool) -> std::result::Result<(Tile, bool), String> {
    let mut checked = asked;
    let mut others = Vec::new();
    for part in change.split(',') {
        let (key, text) =
            part.split_once('=').ok_or_else(|| format!("`{part}`: expected KEY=VALUE, such as groups=2"))?;
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        match key {
            CHECKED => checked = value.as_bool().ok_or_else(|| format!("`{part}`: true or false"))?,
            _ => others.push((key, value)),
        }
    }
    let mut fields = fields(&chosen[usize::from(checked != asked)]);
    for (key, value) in others {
        let known: Vec<&str> = fields.keys().map(String::as_str).chain([CHECKED]).collect();
        let unknown = names::unknown("size or switch", key, &known);
        *fields.get_mut(key).ok_or(unknown)? = value;
    }
    let tile: Tile = serde_json::from_value(Value::Object(fields)).map_err(|e| format!("`{change}`: {e}"))?;
    let sizes = [tile.lanes, tile.span, tile.groups, tile.rows, tile.block, tile.strip, tile.slabs];
    match sizes.into_iter().all(|size| (1..=1024).contains(&size)) {
        true => Ok((tile, checked)),
        false => Err(format!("`{change}`: sizes of a tile lie in 1..1024")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile() -> Tile {
        Tile { rows: 10, block: 5, ..crate::lab::steps::SMALL }
    }

    #[test]
    fn every_plan_and_every_switch_is_a_rung() {
        let other = Tile { span: 1, ..tile() };
        let all = rungs(&Wanted::default(), [tile(), other], false, &|_| true).unwrap();
        let switches = fields(&tile()).values().filter(|value| value.is_boolean()).count() + 1;
        let of = |plan: &str| all.iter().filter(|rung| rung.plan.name() == plan).count();
        // the other plans settle what is kept and where weight gradients are summed, and one what happens at once
        assert_eq!([of("fused"), of("layered"), of("unfused")], [1 + switches, switches - 1, switches - 2]);
        let few = rungs(&Wanted::default(), [tile(), other], false, &|tile| !tile.images).unwrap();
        assert!(few.len() < all.len() && few.iter().all(|rung| !rung.tile.images));
        for plan in plans::ALL {
            assert!(all.iter().any(|rung| rung.name() == plan.name()));
            assert!(all.iter().any(|rung| rung.name() == format!("{} checked=true", plan.name())
                && rung.checked
                && rung.tile == other));
        }
        let plain = Wanted { plain: true, ..Wanted::default() };
        assert_eq!(rungs(&plain, [tile(); 2], true, &|_| true).unwrap().len(), plans::ALL.len());
    }

    #[test]
    fn changes_are_applied_and_slips_are_named() {
        let with = |change: &str| {
            let wanted = Wanted { plans: vec!["fused".into()], with: vec![change.into()], plain: false };
            rungs(&wanted, [tile(); 2], false, &|_| true)
        };
        let rungs = with("groups=2,rows=7").unwrap();
        assert_eq!((rungs[0].tile, rungs[0].name().as_str()), (tile(), "fused"));
        assert_eq!((rungs[1].tile, rungs[1].checked), (Tile { groups: 2, rows: 7, ..tile() }, false));
        assert!(with("checked=true").unwrap()[1].checked);
        for (change, part) in [
            ("group=2", "did you mean `groups`"),
            ("groups", "KEY=VALUE"),
            ("groups=many", "groups=many"),
            ("rows=0", "1..1024"),
            ("checked=2", "true or false"),
        ] {
            let message = with(change).err().unwrap().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
