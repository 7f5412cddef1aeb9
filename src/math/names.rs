//! "Did you mean …?": the closest of a list of names.

/// The candidate with the smallest edit distance to `name`, if it is near enough to be a slip of the hand
/// (at most a third of the longer word, and one change of a word of two letters; any letter is one change from any other).
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&name.to_lowercase(), candidate), candidate))
        .filter(|(distance, candidate)| {
            let longer = name.chars().count().max(candidate.chars().count());
            *distance <= (longer / 3).max(1) && *distance < longer
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "unknown problem `cavty`: did you mean `cavity`?", or the list of all when nothing is near.
pub fn unknown(kind: &str, name: &str, candidates: &[&str]) -> String {
    match closest(name, candidates.iter().copied()) {
        Some(near) => format!("unknown {kind} `{name}`: did you mean `{near}`?"),
        None => format!("unknown {kind} `{name}`: choose one of {}", candidates.join(", ")),
    }
}

/// What a parser of TOML or JSON says of a key that it does not know, with the one that was probably meant; none if its
/// `message` is about something else.
pub fn unknown_field(message: &str) -> Option<String> {
    let quoted: Vec<&str> = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2).collect();
    let (name, known) = quoted.split_first()?;
    Some(unknown("key", name, known))
}

/// How many characters are to be put in, left out, replaced, or exchanged with their neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // distances[i][j] is that between the first i characters of a and the first j of b
    let mut distances = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            distances[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = distances[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let exchanged = if exchanged { distances[i - 2][j - 2] + 1 } else { usize::MAX };
                replaced.min(exchanged).min(distances[i - 1][j] + 1).min(distances[i][j - 1] + 1)
            };
        }
    }
    distances[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_nonsense_is_not() {
        let names = ["klein-gordon", "cavity", "burgers"];
        assert_eq!(closest("cavty", names), Some("cavity"));
        assert_eq!(closest("Klein-Gordan", names), Some("klein-gordon"));
        assert_eq!(closest("poisson", names), None);
        assert_eq!(
            [closest("pj", ["x", "pi"]), closest("kk", ["k"]), closest("y", ["x"])],
            [Some("pi"), Some("k"), None]
        );
        assert_eq!(unknown("problem", "cavty", &names), "unknown problem `cavty`: did you mean `cavity`?");
        assert!(unknown("problem", "zzz", &names).ends_with("klein-gordon, cavity, burgers"));
    }

    #[test]
    fn distances_count_slips_of_the_hand() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("stpes", "steps"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
