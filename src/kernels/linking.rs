//! Which texts and constants a kernel needs: a part is linked if something that it provides is named in what needs it, and
//! a constant of the prelude likewise. So a listing shows what runs and nothing else.

use std::collections::BTreeSet;

use crate::gpu::Part;

/// `parts` without those that nothing needs, beginning with the entry point, which comes last. The first is the prelude, of
/// which single lines are kept.
pub fn needed(parts: Vec<Part>) -> Vec<Part> {
    let provided: Vec<BTreeSet<String>> = parts.iter().map(|part| definitions(&part.text)).collect();
    let mut kept = BTreeSet::from([parts.len() - 1]);
    let mut named = words(&parts[parts.len() - 1].text);
    // a part may need one that stands before or behind it
    loop {
        let more: Vec<usize> =
            (1..parts.len()).filter(|i| !kept.contains(i) && !provided[*i].is_disjoint(&named)).collect();
        if more.is_empty() {
            break;
        }
        for i in more {
            kept.insert(i);
            named.extend(words(&parts[i].text));
        }
    }
    let mut lines: Vec<&str> = Vec::new();
    // constants may be made of others, which stand before them
    for line in parts[0].text.lines().rev() {
        if definitions(line).iter().any(|name| named.contains(name)) {
            named.extend(words(line));
            lines.push(line);
        }
    }
    lines.reverse();
    let prelude = Part::new(parts[0].name.clone(), lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let rest = parts.iter().enumerate().skip(1).filter(|(i, _)| kept.contains(i)).map(|(_, part)| part.clone());
    std::iter::once(prelude).chain(rest).collect()
}

/// Identifiers of a text, comments left out.
fn words(text: &str) -> BTreeSet<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// What a text defines at module scope: functions, constants, variables, structures and aliases.
fn definitions(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_alphabetic() || c == '@')) {
        let mut before = "";
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
            if ["fn", "const", "struct", "alias"].contains(&before) {
                names.insert(word.to_owned());
            }
            before = word;
        }
        // `var<storage, read> name: type`
        if let Some((_, rest)) = line.split_once("var").filter(|_| line.contains(':')) {
            let rest = rest.split_once('>').filter(|_| rest.starts_with('<')).map_or(rest, |(_, rest)| rest);
            names.extend(rest.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_constants_that_nothing_names_are_left_out() {
        let part = |name: &str, text: &str| Part::new(name.to_owned(), text.to_owned());
        let parts = vec![
            part("prelude", "const A = 1u;\nconst B = A;\nconst C = 2u;\n"),
            part(
                "used",
                "@group(0) @binding(1) var<storage, read> data: array<f32>;\nfn f() -> u32 { return B; } // C\n",
            ),
            part("left", "fn g() -> u32 { return C; }\n"),
            part("kernel", "@compute @workgroup_size(1)\nfn kernel() { _ = f() + u32(data[0]); } // g\n"),
        ];
        let linked = needed(parts);
        let names: Vec<&str> = linked.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["prelude", "used", "kernel"]);
        assert_eq!(linked[0].text, "const A = 1u;\nconst B = A;\n");
    }
}
