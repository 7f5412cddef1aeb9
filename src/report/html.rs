//! One self-contained HTML page: no script, no network, pictures inlined. Everything passed in is escaped.

use std::fmt::Write as _;

use super::{Figure, font, paint};

/// `default-src 'none'` makes the browser itself hold the promise that nothing is fetched.
const HEAD: &str = r#"<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'">"#;

const STYLE: &str = r#"
:root { color-scheme: light dark; --line: #d8dee4; --back: #f6f8fa; --good: #1a7f37; --fair: #9a6700; --bad: #cf222e; --plain: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --line: #2f363f; --back: #0d1117; --good: #3fb950; --fair: #d9a521; --bad: #ff7b72; --plain: #9aa4af; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 2rem clamp(0.75rem, 4vw, 3rem) 4rem; color: var(--text);
  background: var(--back); font: 16px/1.6 Report, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 0.75rem; letter-spacing: -0.01em; }
p { margin: 0.6rem 0; max-width: 52rem; }
.lead { color: var(--soft); margin: 0.35rem 0 1.25rem; }
.verdict { border: 1px solid var(--line); border-left: 6px solid var(--tone); border-radius: 8px; background: var(--ground);
  padding: 0.9rem 1.2rem; margin: 0 0 1.25rem; }
.verdict strong { display: block; font-size: 1.25rem; line-height: 1.35; color: var(--tone); }
.verdict p { margin: 0.35rem 0 0; max-width: 64rem; }
.good { --tone: var(--good); } .fair { --tone: var(--fair); } .bad { --tone: var(--bad); } .plain { --tone: var(--plain); }
.hero { display: grid; grid-template-columns: minmax(0, 1.75fr) minmax(15rem, 1fr); gap: 1.25rem; align-items: start; }
.hero svg { width: 100%; }
.hero dl { grid-template-columns: 1fr; }
@media (max-width: 56rem) { .hero { grid-template-columns: minmax(0, 1fr); } .hero dl { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); } }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); gap: 0.6rem; margin: 0; }
dl > div { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 0.5rem 0.9rem; }
dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; font-weight: 600; font-feature-settings: "tnum"; overflow-wrap: anywhere; line-height: 1.4; }
.figures { display: grid; gap: 1rem; margin: 1rem 0; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.thirds { grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
figure { margin: 0; padding: 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); }
svg { display: block; max-width: 100%; height: auto; margin: 0 auto; overflow: visible; }
svg svg { margin: 0; max-width: none; overflow: hidden; }
svg text { font-family: Report, system-ui, sans-serif; }
figcaption { margin-top: 0.5rem; color: var(--soft); font-size: 0.86rem; line-height: 1.45; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; font-feature-settings: "tnum"; }
th, td { padding: 0.35rem 1.1rem 0.35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:first-child { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
pre { overflow-x: auto; margin: 0.75rem 0; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: var(--ground);
  font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
code { font: 0.88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--back); border-radius: 4px;
  padding: 0.05em 0.3em; white-space: nowrap; }
details { margin: 0.75rem 0; }
summary { cursor: pointer; font-weight: 600; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media print { body { max-width: none; padding: 0; } figure, dl > div { break-inside: avoid; } }
"#;

/// How good the news of a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Fair,
    Bad,
    /// Neither: nothing can be said.
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Fair => "fair",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        }
    }
}

/// How many neighbouring figures share a row where the window is wide enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Two,
    Three,
}

/// Builder of a page; pieces appear in the order in which they were added.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
    /// A row of figures is open.
    row: Option<Row>,
}

impl Page {
    /// An empty page; `title` is heading and window title.
    pub fn new(title: impl AsRef<str>) -> Self {
        Self { title: escape(title.as_ref()), body: String::new(), row: None }
    }

    /// One line below the title.
    pub fn lead(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<p class=\"lead\">{}</p>\n", escape(text.as_ref())))
    }

    /// What is to be thought of it all, in a headline and sentences.
    pub fn verdict<S: AsRef<str>>(self, tone: Tone, headline: impl AsRef<str>, sentences: &[S]) -> Self {
        let (class, headline) = (tone.class(), with_code(headline.as_ref()));
        let rest: String = sentences.iter().map(|text| format!("<p>{}</p>", with_code(text.as_ref()))).collect();
        self.block(&format!("<div class=\"verdict {class}\"><strong>{headline}</strong>{rest}</div>\n"))
    }

    /// The picture that says most, with key–value pairs beside it.
    pub fn hero<K: AsRef<str>, V: AsRef<str>>(self, figure: &Figure, caption: &str, pairs: &[(K, V)]) -> Self {
        self.block(&format!("<div class=\"hero\">\n{}{}</div>\n", element(figure, caption), cards(pairs)))
    }

    /// Key–value pairs as cards: the few numbers a reader came for.
    pub fn summary<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        self.block(&cards(pairs))
    }

    /// Starts a section.
    pub fn section(self, heading: impl AsRef<str>) -> Self {
        self.block(&format!("<h2>{}</h2>\n", escape(heading.as_ref())))
    }

    /// A paragraph of plain text; what stands between two backticks is code.
    pub fn paragraph(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<p>{}</p>\n", with_code(text.as_ref())))
    }

    /// Text in a fixed-width font with its line breaks: a command, a configuration.
    pub fn code(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<pre>{}</pre>\n", escape(text.as_ref())))
    }

    /// A table; a column whose cells all look like numbers is aligned to the right.
    pub fn table<H: AsRef<str>, C: AsRef<str>>(self, headers: &[H], rows: &[Vec<C>]) -> Self {
        self.block(&table(headers, rows))
    }

    /// A table behind a line that opens it: for what few readers look at.
    pub fn folded<H: AsRef<str>, C: AsRef<str>>(self, summary: &str, headers: &[H], rows: &[Vec<C>]) -> Self {
        let html = format!("<details><summary>{}</summary>\n{}</details>\n", escape(summary), table(headers, rows));
        self.block(&html)
    }

    /// A picture with its caption, which is also its alternative text; two neighbours share a row.
    pub fn figure(self, figure: &Figure, caption: impl AsRef<str>) -> Self {
        self.picture(Row::Two, figure, caption.as_ref())
    }

    /// A smaller picture; three neighbours share a row.
    pub fn small_figure(self, figure: &Figure, caption: impl AsRef<str>) -> Self {
        self.picture(Row::Three, figure, caption.as_ref())
    }

    /// A small line at the end: versions, how the page was made.
    pub fn footer(self, text: impl AsRef<str>) -> Self {
        self.block(&format!("<footer>{}</footer>\n", escape(text.as_ref())))
    }

    /// The whole document.
    pub fn render(&self) -> String {
        let Self { title, body, row } = self;
        let end = if row.is_some() { "</div>\n" } else { "" };
        let (fonts, colors) = (fonts(), paint::variables());
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n{HEAD}\n<title>{title}</title>\n<style>{fonts}{colors}{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}{end}</main>\n</body>\n</html>\n"
        )
    }

    fn picture(mut self, row: Row, figure: &Figure, caption: &str) -> Self {
        if self.row != Some(row) {
            self = self.block("");
            let class = if row == Row::Two { "figures" } else { "figures thirds" };
            _ = writeln!(self.body, "<div class=\"{class}\">");
            self.row = Some(row);
        }
        self.body.push_str(&element(figure, caption));
        self
    }

    fn block(mut self, html: &str) -> Self {
        if self.row.take().is_some() {
            self.body.push_str("</div>\n");
        }
        self.body.push_str(html);
        self
    }
}

fn element(figure: &Figure, caption: &str) -> String {
    format!("<figure>{}<figcaption>{}</figcaption></figure>\n", figure.svg(caption), escape(caption))
}

fn cards<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    let card = |(key, value): &(K, V)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(key.as_ref()), escape(value.as_ref()))
    };
    format!("<dl>\n{}</dl>\n", pairs.iter().map(card).collect::<String>())
}

fn table<H: AsRef<str>, C: AsRef<str>>(headers: &[H], rows: &[Vec<C>]) -> String {
    let numeric = |column: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| looks_like_number(cell.as_ref()))
    };
    let numeric: Vec<bool> = (0..headers.len()).map(numeric).collect();
    let cell = |tag: &str, column: usize, text: &str| {
        let class = if numeric.get(column) == Some(&true) { " class=\"number\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escape(text))
    };
    let mut html = String::from("<div class=\"scroll\"><table>\n");
    let head: String = headers.iter().enumerate().map(|(k, text)| cell("th", k, text.as_ref())).collect();
    _ = writeln!(html, "<thead><tr>{head}</tr></thead>\n<tbody>");
    for row in rows {
        let cells: String = row.iter().enumerate().map(|(k, text)| cell("td", k, text.as_ref())).collect();
        _ = writeln!(html, "<tr>{cells}</tr>");
    }
    html + "</tbody></table></div>\n"
}

/// Escaped text in which what stands between two backticks is code.
fn with_code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // a lone backtick stays one
    let pairs = (parts.len() - 1) / 2 * 2;
    let mut html = String::new();
    for (k, part) in parts.iter().enumerate() {
        match k {
            k if k < pairs && k % 2 == 1 => _ = write!(html, "<code>{}</code>", escape(part)),
            k if k > pairs => _ = write!(html, "`{}", escape(part)),
            _ => html.push_str(&escape(part)),
        }
    }
    html
}

/// The embedded typeface under a name of its own.
fn fonts() -> String {
    let face = |(weight, bytes): (u16, &[u8])| {
        format!(
            "@font-face {{ font-family: Report; font-weight: {weight}; src: url(data:font/woff2;base64,{}) format('woff2'); }}\n",
            base64(bytes)
        )
    };
    font::WEB.map(face).concat()
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
    use super::super::{Curves, Series};
    use super::*;

    fn figure(name: &str) -> Figure {
        Curves::new().title(name).series(Series::line(name, &[0.0, 1.0], &[0.0, 1.0])).draw()
    }

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
            .lead(evil)
            .verdict(Tone::Bad, evil, &[evil])
            .hero(&figure(evil), evil, &[(evil, evil)])
            .summary(&[(evil, evil)])
            .section(evil)
            .paragraph(evil)
            .code(evil)
            .table(&[evil], &[vec![evil]])
            .folded(evil, &[evil], &[vec![evil]])
            .figure(&figure(evil), evil)
            .small_figure(&figure(evil), evil)
            .footer(evil)
            .render();
        assert!(!page.contains("<script") && !page.contains("\" onerror") && !page.contains('\u{0}'));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }

    #[test]
    fn the_page_is_balanced_and_fetches_nothing() {
        let f = figure("f");
        let page = Page::new("t").figure(&f, "1").figure(&f, "2").small_figure(&f, "3").paragraph("p").figure(&f, "4");
        let page = page.render();
        for tag in ["div", "figure", "svg"] {
            assert_eq!(page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!(page.matches("class=\"figures\"").count(), 2);
        assert!(!page.contains("http:") && !page.contains("https:"));
        assert_eq!(page.matches("url(").count(), page.matches("url(data:").count());
    }

    #[test]
    fn backticks_make_code_in_pairs() {
        assert_eq!(with_code("try `--rate <x>`, or `y`."), "try <code>--rate &lt;x&gt;</code>, or <code>y</code>.");
        assert_eq!(with_code("a ` b"), "a ` b");
        assert_eq!(with_code("`a` ` b"), "<code>a</code> ` b");
        assert_eq!(with_code(""), "");
    }

    #[test]
    fn numeric_columns_are_aligned() {
        let rows = [vec!["pde", "1.2e-3"], vec!["lid", "−0.5 ± 0.1"]];
        let page = Page::new("t").table(&["term", "loss"], &rows).render();
        assert!(page.contains("<td>pde</td><td class=\"number\">1.2e-3</td>"));
    }

    /// Every colour that the style of pages names is defined for light and for dark ground.
    #[test]
    fn every_variable_is_defined() {
        let page = Page::new("t").verdict(Tone::Good, "h", &[""; 0]).figure(&figure("f"), "1").render();
        for name in page.split("var(--").skip(1).filter_map(|rest| rest.split(')').next()).filter(|n| *n != "tone") {
            let defined = page.matches(&format!("--{name}: ")).count();
            assert!(defined >= 2, "--{name} is defined {defined} times");
        }
    }
}
