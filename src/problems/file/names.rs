//! Names that end up in other places: in file names, in shaders, in the columns of a history.

use toml::Spanned;

use super::document::{Fault, Names};

/// A name that may stand in a file name.
pub(super) fn file_name(name: &Spanned<String>) -> Result<String, Fault> {
    check_name(name.get_ref()).map_err(|what| Fault::new(name.span(), what))?;
    Ok(name.get_ref().clone())
}

/// Whether a problem file may state a problem of this name.
///
/// # Errors
/// Says what a name is made of, or that it is taken.
pub fn check_name(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err(format!(
            "`{text}`: a problem's name has 1 to 64 letters, digits, `-` and `_`; `title` may be anything"
        ));
    }
    match crate::problems::find(text) {
        Ok(_) => Err(format!("`{text}` is a problem of this program: choose another name")),
        Err(_) => Ok(()),
    }
}

/// A name that may stand in a shader.
pub(super) fn term_name(name: &Spanned<String>) -> Result<&str, Fault> {
    let text = name.get_ref();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.len() > 32 || !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(fits) {
        let what = format!("`{text}`: a term's name has 1 to 32 letters a–z, digits and `_`, and begins with a letter");
        return Err(Fault::new(name.span(), what));
    }
    if ["total", "step", "lr", "rel_l2", "rel_linf", "mse"].contains(&text.as_str()) {
        return Err(Fault::new(name.span(), format!("`{text}` is a column of every history: choose another name")));
    }
    Ok(text)
}

pub(super) fn names_of(list: &Spanned<Names>, most: usize, kind: &str) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = list.get_ref().0.iter().map(|name| name.get_ref().clone()).collect();
    match names.len() {
        0 => Err(Fault::new(list.span(), format!("no {kind}: name at least one, such as [\"u\"]"))),
        count if count > most => Err(Fault::new(list.span(), format!("{count} {kind}: there may be {most}"))),
        _ => Ok(names),
    }
}
