//! One self-contained HTML page: no script, no network, pictures inlined. Everything passed in is escaped.

use std::fmt::Write as _;

/// `default-src 'none'` makes the browser itself hold the promise that nothing is fetched.
const HEAD: &str = r#"<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">"#;

const STYLE: &str = r#"
:root { --text: #1f2328; --soft: #59636e; --line: #d8dee4; --back: #ffffff; --card: #f6f8fa; --accent: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9aa4af; --line: #343b44; --back: #0f1318; --card: #181d24; --accent: #58b4e8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem clamp(1rem, 4vw, 3rem) 4rem; color: var(--text);
  background: var(--back); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 1.5rem; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
p { margin: 0.6rem 0; max-width: 46rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0.75rem; margin: 0; }
dl > div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.9rem; }
dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem; margin: 1rem 0; }
figure { margin: 0; padding: 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
figure.wide { grid-column: 1 / -1; }
img { display: block; width: auto; max-width: 100%; height: auto; margin: 0 auto; border-radius: 4px; background: #fff; }
figcaption { margin-top: 0.6rem; color: var(--soft); font-size: 0.88rem; line-height: 1.45; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 1.1rem 0.35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
pre { overflow-x: auto; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card);
  font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media print { body { max-width: none; padding: 0; } figure, dl > div { break-inside: avoid; } }
"#;

/// Builder of a page; pieces appear in the order in which they were added.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
    /// A grid of figures is open: neighbouring figures share a row where the window is wide enough.
    in_figures: bool,
}

impl Page {
    /// An empty page; `title` is heading and window title.
    pub fn new(title: impl AsRef<str>) -> Self {
        Self { title: escape(title.as_ref()), body: String::new(), in_figures: false }
    }

    /// Key–value pairs as cards: the few numbers a reader came for.
    pub fn summary<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        let card = |(key, value): &(K, V)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(key.as_ref()), escape(value.as_ref()))
        };
        let cards: String = pairs.iter().map(card).collect();
        self.block(&format!("<dl>\n{cards}</dl>\n"))
    }

    /// Starts a section.
    pub fn section(self, heading: impl AsRef<str>) -> Self {
        self.block(&format!("<h2>{}</h2>\n", escape(heading.as_ref())))
    }

    /// A paragraph of plain text.
    pub fn paragraph(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<p>{}</p>\n", escape(text.as_ref())))
    }

    /// Text in a fixed-width font with its line breaks: a command, a configuration.
    pub fn code(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<pre>{}</pre>\n", escape(text.as_ref())))
    }

    /// A table; a column whose cells all look like numbers is aligned to the right.
    pub fn table<H: AsRef<str>, C: AsRef<str>>(self, headers: &[H], rows: &[Vec<C>]) -> Self {
        let numeric = |column: usize| {
            let mut cells = rows.iter().filter_map(|row| row.get(column)).peekable();
            cells.peek().is_some() && cells.all(|cell| looks_like_number(cell.as_ref()))
        };
        let cell = |tag: &str, column: usize, text: &str| {
            let class = if numeric(column) { " class=\"number\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(text))
        };
        let mut html = String::from("<div class=\"scroll\"><table>\n");
        let head: String = headers.iter().enumerate().map(|(k, text)| cell("th", k, text.as_ref())).collect();
        _ = writeln!(html, "<thead><tr>{head}</tr></thead>\n<tbody>");
        for row in rows {
            let cells: String = row.iter().enumerate().map(|(k, text)| cell("td", k, text.as_ref())).collect();
            _ = writeln!(html, "<tr>{cells}</tr>");
        }
        self.block(&(html + "</tbody></table></div>\n"))
    }

    /// A picture (bytes of a PNG file) with its caption, which is also its alternative text.
    /// Neighbouring figures share a row where the window is wide enough.
    pub fn figure(self, png: &[u8], caption: impl AsRef<str>) -> Self {
        self.picture("", png, caption.as_ref())
    }

    /// A picture over the full width of the page.
    pub fn wide_figure(self, png: &[u8], caption: impl AsRef<str>) -> Self {
        self.picture(" class=\"wide\"", png, caption.as_ref())
    }

    /// A small line at the end: versions, how the page was made.
    pub fn footer(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<footer>{}</footer>\n", escape(text.as_ref())))
    }

    /// The whole document.
    pub fn render(&self) -> String {
        let Self { title, body, in_figures } = self;
        let end = if *in_figures { "</div>\n" } else { "" };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n{HEAD}\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}{end}</main>\n</body>\n</html>\n"
        )
    }

    fn picture(mut self, class: &str, png: &[u8], caption: &str) -> Self {
        if !self.in_figures {
            self.body.push_str("<div class=\"figures\">\n");
            self.in_figures = true;
        }
        let (caption, data) = (escape(caption), base64(png));
        _ = writeln!(
            self.body,
            "<figure{class}><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\">\
             <figcaption>{caption}</figcaption></figure>"
        );
        self
    }

    fn block(mut self, html: &str) -> Self {
        if std::mem::take(&mut self.in_figures) {
            self.body.push_str("</div>\n");
        }
        self.body.push_str(html);
        self
    }
}

/// Text that is safe in an element and in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Control characters are not allowed in HTML, not even escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |k: usize| u32::from(chunk.get(k).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for k in 0..4 {
            let digit = char::from(ALPHABET[(word >> (18 - 6 * k) & 63) as usize]);
            text.push(if k <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

/// Numbers, with a unit or a spread if they have one: `1.2e-3`, `−0.5 ± 0.1`, `12 ms`, `–`.
fn looks_like_number(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text == "–" || text.starts_with(|c: char| c.is_ascii_digit() || "+-−.±".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }

    #[test]
    fn nothing_passed_in_becomes_markup() {
        let evil = "<script>alert('x')</script>\" onerror=\"&\u{0}";
        let page = Page::new(evil)
            .summary(&[(evil, evil)])
            .section(evil)
            .paragraph(evil)
            .code(evil)
            .table(&[evil], &[vec![evil]])
            .figure(b"png", evil)
            .wide_figure(b"png", evil)
            .footer(evil)
            .render();
        assert!(!page.contains("<script") && !page.contains("\" onerror") && !page.contains('\u{0}'));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }

    #[test]
    fn the_page_is_balanced_and_fetches_nothing() {
        let page = Page::new("t").figure(b"a", "1").figure(b"b", "2").paragraph("p").figure(b"c", "3").render();
        assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
        assert_eq!(page.matches("class=\"figures\"").count(), 2);
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("));
    }

    #[test]
    fn numeric_columns_are_aligned() {
        let rows = [vec!["pde", "1.2e-3"], vec!["lid", "−0.5 ± 0.1"]];
        let page = Page::new("t").table(&["term", "loss"], &rows).render();
        assert!(page.contains("<td>pde</td><td class=\"number\">1.2e-3</td>"));
    }
}
