//! Which network and strategy a run gets, and what it is called: whatever was asked for, a run is labelled by what it
//! trains.

use crate::math::names;

use super::configuration::{CONDITIONS, Options};

/// A value and where it comes from.
type Sourced = (String, String);

/// What follows from `condition`, `network` and `strategy` of flags and file.
pub(super) struct Pair {
    pub network: Sourced,
    pub strategy: Sourced,
    /// One of the four names where the pair is one of them, otherwise `network+strategy`.
    pub condition: Sourced,
    /// What of the file was replaced.
    pub notices: Vec<String>,
}

/// Flags before the file before the default; a condition of the flags replaces network and strategy of the file.
///
/// # Errors
/// An unknown condition, or one that contradicts a network or strategy of the same source.
pub(super) fn pair(flags: &Options, file: &Options) -> Result<Pair, String> {
    consistent(flags, &|key, value| format!("--{key} {value}"))?;
    consistent(file, &|key, value| format!("`{key} = \"{value}\"` of the file"))?;
    let mut notices = Vec::new();
    let mut beneath = file.clone();
    if let Some(condition) = &flags.condition {
        let (_, network, strategy) = find(condition)?;
        for (key, own, other) in [("network", network, &file.network), ("strategy", strategy, &file.strategy)] {
            if let Some(other) = other.as_ref().filter(|other| *other != own) {
                notices.push(format!("--condition {condition} replaces {key} = \"{other}\" of the file"));
            }
        }
        (beneath.network, beneath.strategy) = (None, None);
    }
    let named = [(&flags.condition, "flag"), (&file.condition, "file")];
    let named = named.into_iter().find_map(|(name, origin)| Some((name.clone()?, origin)));
    let (name, origin) = named.unwrap_or_else(|| ("acr".to_owned(), "default"));
    let (_, network, strategy) = find(&name)?;
    let from_condition = format!("condition {name}");
    let mut choose = |key: &str, flag: &Option<String>, below: &Option<String>, own: &str| -> Sourced {
        if let (Some(value), true, "file") = (flag, flag.as_deref() != Some(own), origin) {
            notices.push(format!("--{key} {value} replaces the {key} of condition = \"{name}\" of the file"));
        }
        let given = flag.clone().map(|value| (value, "flag".to_owned()));
        let given = given.or_else(|| Some((below.clone()?, "file".to_owned())));
        given.unwrap_or_else(|| (own.to_owned(), from_condition.clone()))
    };
    let network = choose("network", &flags.network, &beneath.network, network);
    let strategy = choose("strategy", &flags.strategy, &beneath.strategy, strategy);
    let label = label(&network.0, &strategy.0);
    let follows = [&network, &strategy].into_iter().find(|(_, origin)| *origin != from_condition);
    let origin = if label == name { origin.to_owned() } else { follows.map_or(origin, |(_, o)| o).to_owned() };
    Ok(Pair { network, strategy, condition: (label, origin), notices })
}

/// The name of a pair.
pub fn label(network: &str, strategy: &str) -> String {
    let known = CONDITIONS.iter().find(|(_, n, s)| (*n, *s) == (network, strategy));
    known.map_or_else(|| format!("{network}+{strategy}"), |(name, ..)| (*name).to_owned())
}

fn find(name: &str) -> Result<(&'static str, &'static str, &'static str), String> {
    let known = CONDITIONS.map(|(name, ..)| name);
    let found = CONDITIONS.iter().find(|(condition, ..)| *condition == name);
    found.copied().ok_or_else(|| names::unknown("condition", name, &known))
}

/// One source must not ask for two things; `shown` writes an option as the source does.
fn consistent(source: &Options, shown: &dyn Fn(&str, &str) -> String) -> Result<(), String> {
    let Some(condition) = &source.condition else { return Ok(()) };
    let (_, network, strategy) = find(condition)?;
    for (key, own, other) in [("network", network, &source.network), ("strategy", strategy, &source.strategy)] {
        if let Some(other) = other.as_ref().filter(|other| *other != own) {
            let (condition, other) = (shown("condition", condition), shown(key, other));
            return Err(format!(
                "{condition} means {network} and {strategy}, and {other} another {key}: leave one out"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(condition: &str, network: &str, strategy: &str) -> Options {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (condition, network, strategy) = (given(condition), given(network), given(strategy));
        Options { condition, network, strategy, ..Options::default() }
    }

    #[test]
    fn a_run_is_called_what_it_trains() {
        for (flags, file, label, origin, notices) in [
            (["", "", ""], ["", "", ""], "acr", "default", 0),
            (["std", "", ""], ["", "lda", "pcgrad"], "std", "flag", 2),
            (["std", "", ""], ["acr", "mlp", ""], "", "", 0),
            (["", "lda", ""], ["std", "", ""], "lda", "flag", 1),
            (["", "mlp", ""], ["std", "", ""], "std", "file", 0),
            (["", "", ""], ["", "mlp", ""], "gcr", "file", 0),
            (["std", "mlp", "sum"], ["", "", ""], "std", "flag", 0),
            (["std", "lda", ""], ["", "", ""], "", "", 0),
            (["", "", ""], ["gcr", "", "sum"], "", "", 0),
        ] {
            let source = |[condition, network, strategy]: [&str; 3]| options(condition, network, strategy);
            match pair(&source(flags), &source(file)) {
                Ok(pair) => {
                    assert_eq!((&*pair.condition.0, &*pair.condition.1), (label, origin), "{flags:?} {file:?}");
                    assert_eq!(pair.notices.len(), notices, "{:?}", pair.notices);
                }
                Err(error) => assert!(label.is_empty() && error.contains("leave one out"), "{error}"),
            }
        }
        assert_eq!(super::label("other", "sum"), "other+sum");
    }
}
