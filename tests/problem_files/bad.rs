//! Files that are wrong in one way each, as changes of one that is right.

/// A problem file without a mistake.
pub const GOOD: &str = r#"name = "heat"
fields = ["u"]

[axes]
x = [0, 1]
t = [0, 1]

[constants]
k = 0.1

[[term]]
name = "pde"
residual = "u_t - k*u_xx"
points = 64

[[term]]
name = "bc"
residual = "u"
on = ["x = 0", "x = 1"]

[[term]]
name = "ic"
residual = "u - sin(pi*x)"
on = "t = 0"
"#;

const PDE: &str = "\"u_t - k*u_xx\"";
const CONDITION: &str = "\"u - sin(pi*x)\"";
const INITIAL: &str = "residual = \"u - sin(pi*x)\"\non = \"t = 0\"";
const SIDES: &str = "residual = \"u\"\non = [\"x = 0\", \"x = 1\"]";
const FIELDS: &str = "fields = [\"u\"]";
const FACE: &str = "\"t = 0\"";
const COUNT: &str = "points = 64";

/// What is replaced by what. Every first text occurs once in [`GOOD`].
const CHANGES: &[(&str, &str)] = &[
    // expressions
    (PDE, "\"u_t - kk*u_xx\""),
    (PDE, "\"u_t - diffusivity*u_xx\""),
    (PDE, "\"u_t - sni(u)\""),
    (PDE, "\"u_t - sin(u, x)\""),
    (PDE, "\"u_t - max(u)\""),
    (PDE, "\"u_t - sin*u\""),
    (PDE, "\"u_t - k*u_xxxxx\""),
    (PDE, "\"u_t - d(u_xxx, x, x)\""),
    (PDE, "\"u_t - d(u, u)\""),
    (PDE, "\"u_t - k*u_yy\""),
    (PDE, "\"u_t - laplacian(u, y)\""),
    (PDE, "\"u_t - k u_xx\""),
    (PDE, "\"u_t - 2k*u_xx\""),
    (PDE, "\"(u_t - k*u_xx\""),
    (PDE, "\"u_t - k*u_xx)\""),
    (PDE, "\"u_t = k*u_xx\""),
    (PDE, "\"u_t - k**u_xx\""),
    (PDE, "\"u_t -\""),
    (PDE, "\"\""),
    (PDE, "\"u_t - u_xx/0\""),
    (PDE, "\"u_t - u^1000000000\""),
    (PDE, "\"u_t - u^2^2^2^2^2\""),
    (PDE, "\"u_t - k*u_xx + 1e999\""),
    (PDE, "\"u_t – k·u_xx\""),
    (PDE, "\"u_t - k*u_xx + m\""),
    (PDE, "\"\"\"\nu_t\n - q*u_xx\"\"\""),
    (PDE, "[]"),
    (PDE, "[\"u\", \"u\", \"u\", \"u\", \"u\"]"),
    (PDE, "3"),
    (PDE, "\"x - sin(t)\""),
    (CONDITION, "\"u - log(t)\""),
    (CONDITION, "\"u - 1/t\""),
    (CONDITION, "\"u - sqrt(x - 2)\""),
    // names and tables
    ("name = \"heat\"\n", ""),
    ("\"heat\"", "\"heat equation\""),
    ("\"heat\"", "\"\""),
    ("\"heat\"", "\"burgers\""),
    ("residual = \"u_t - k*u_xx\"", "resdual = \"u_t - k*u_xx\""),
    ("[constants]", "[constant]"),
    ("k = 0.1", "k = 0.1\nk = 0.2"),
    ("k = 0.1", "k = nan"),
    ("k = 0.1", "k = 1e-50"),
    ("k = 0.1", "k = \"1/0\""),
    ("k = 0.1", "k = \"2*u\""),
    ("k = 0.1", "k = [1]"),
    ("k = 0.1", "k = 0.1\nu = 2"),
    ("k = 0.1", "k = 0.1\npi = 3"),
    ("k = 0.1", "k = 0.1\nu_x = 3"),
    ("k = 0.1", "k = 0.1\nκ = 3"),
    ("x = [0, 1]", "x = [0 1]"),
    ("\"u_t - k*u_xx\"", "\"u_t - k*u_xx"),
    // axes and fields
    ("x = [0, 1]\nt = [0, 1]\n", ""),
    ("[axes]\nx = [0, 1]\nt = [0, 1]\n", ""),
    ("x = [0, 1]", "x = [1, 1]"),
    ("x = [0, 1]", "x = [1, 0]"),
    ("x = [0, 1]", "x = [0, 1, 2]"),
    ("x = [0, 1]", "x = [0, \"2*pj\"]"),
    ("x = [0, 1]", "x = [0, 1e39]"),
    ("x = [0, 1]", "x = \"0 to 1\""),
    ("x = [0, 1]", "x = 1"),
    ("x = [0, 1]", "x = [0, 1]\na = [0, 1]\nb = [0, 1]\nc = [0, 1]\nd = [0, 1]"),
    (FIELDS, "fields = []"),
    (FIELDS, "fields = \"u\""),
    (FIELDS, "fields = [\"u\", \"v\", \"w\", \"p\", \"q\"]"),
    (FIELDS, "fields = [\"u\", \"v\"]"),
    (FIELDS, "fields = [\"u\", \"x\"]"),
    (FIELDS, "fields = [\"u\", \"sin\"]"),
    (FIELDS, "fields = [\"u\", \"2v\"]"),
    // terms
    ("name = \"bc\"\n", ""),
    ("\"bc\"", "\"pde\""),
    ("\"bc\"", "\"total\""),
    ("\"bc\"", "\"BC\""),
    ("[[term]]\nname = \"bc\"", "[term]\nname = \"bc\""),
    (PDE, "\"u_t - sqrt(-1 - u^2)\""),
    (INITIAL, "on = \"t = 0\""),
    (COUNT, "points = 0"),
    (COUNT, "points = 2.5"),
    (COUNT, "points = 1e9"),
    (COUNT, "points = true"),
    (COUNT, "points = \"none.csv\""),
    (COUNT, "points = 64\nweight = 0"),
    (COUNT, "points = 64\nweight = \"heavy\""),
    (COUNT, "points = 64\nwhere = \"x\""),
    (COUNT, "points = 64\nwhere = \"x > 2\""),
    (COUNT, "points = 64\nwhere = \"x > 0 and u > 0\""),
    (FACE, "\"x = 2\""),
    (FACE, "\"y = 0\""),
    (FACE, "\"left\""),
    (FACE, "\"t = 0, t = 1\""),
    (FACE, "\"t = 0 +\""),
    (FACE, "[]"),
    (FACE, "0"),
    ("on = \"t = 0\"", "curve = { s = [0, 1], x = \"2*s\" }"),
    ("on = \"t = 0\"", "curve = { s = [0, 1], y = \"s\" }"),
    ("on = \"t = 0\"", "curve = { x = \"0.5\", t = \"0.5\" }"),
    ("on = \"t = 0\"", "curve = { t = [0, 1], x = \"t\" }"),
    ("on = \"t = 0\"", "curve = { s = [0, 1], x = \"r\" }"),
    ("on = \"t = 0\"", "on = \"t = 0\"\ncurve = { s = [0, 1], x = \"s\" }"),
    (SIDES, "periodic = \"x\"\nresidual = \"u\""),
    (SIDES, "periodic = \"x\"\non = \"x = 0\""),
    (SIDES, "periodic = \"y\""),
    (SIDES, "periodic = \"x\"\ncurve = { s = [0, 1], x = \"s\" }"),
    // files of numbers
    (INITIAL, "data = \"none.csv\""),
    (INITIAL, "data = \"folder\""),
    (INITIAL, "data = \"empty.csv\""),
    (INITIAL, "data = \"column.csv\""),
    (INITIAL, "data = \"nan.csv\""),
    (INITIAL, "data = \"short.csv\""),
    (INITIAL, "data = \"twice.csv\""),
    (INITIAL, "data = \"outside.csv\""),
    (INITIAL, "data = \"other.csv\""),
    (INITIAL, "data = \"function.csv\""),
    (INITIAL, "data = \"latin.csv\""),
    (INITIAL, "data = \"good.csv\"\non = \"t = 0\""),
    (INITIAL, "data = \"good.csv\"\npoints = 3"),
    (INITIAL, "data = \"good.csv\"\nresidual = \"u - w\""),
    (INITIAL, "residual = \"u\"\npoints = \"good.csv\"\nwhere = \"x > 0\""),
    (INITIAL, "data = \"good.csv\"\n[[term]]\nname = \"more\"\ndata = \"folder/good.csv\""),
    (INITIAL, "data = \"history.csv\""),
    // unknowns
    ("k = 0.1", "[unknowns]\nk = { start = 1 }"),
    ("k = 0.1", "[unknowns]\nk = { start = 1, upper = 0.5 }"),
    ("k = 0.1", "[unknowns]\nk = { lower = 0 }"),
    ("k = 0.1", "[unknowns]\nk = 3"),
    ("k = 0.1", "k = 0.1\n[unknowns]\nx = { start = 1 }"),
    (INITIAL, "data = \"good.csv\"\n[unknowns]\nnu = { start = 1 }"),
    (INITIAL, "data = \"good.csv\"\nresidual = \"u/(q - 0.5)\"\n[unknowns]\nq = { start = 0.5 }"),
    // behind the terms
    (INITIAL, "residual = \"u\"\n[reference]\nv = \"x\""),
    (INITIAL, "residual = \"u\"\n[reference]\nu = \"exp(-t*x\""),
    (INITIAL, "residual = \"u\"\n[reference]\nu = \"1/x\""),
    (INITIAL, "residual = \"u\"\n[reference]"),
    (INITIAL, "residual = \"u\"\n[reference]\nfile = \"none.csv\""),
    (INITIAL, "residual = \"u\"\n[reference]\nfile = \"other.csv\""),
    (INITIAL, "residual = \"u\"\n[reference]\nfile = \"good.csv\"\nu = \"x\""),
    (INITIAL, "residual = \"u\"\n[grid]\ny = 10"),
    (INITIAL, "residual = \"u\"\n[grid]\nx = 1"),
    (INITIAL, "residual = \"u\"\n[grid]\nx = 4096\nt = 4096"),
    (INITIAL, "residual = \"u\"\n[train]\nstepz = 5"),
    (INITIAL, "residual = \"u\"\n[train]\nsteps = \"many\""),
    (INITIAL, "residual = \"u\"\n[train]\nwidth = 0"),
];

/// Files of numbers beside the problem.
pub const NUMBERS: &[(&str, &[u8])] = &[
    ("good.csv", b"x,t,u\n0.5,0.5,1\n0.25,1,2\n"),
    ("folder/good.csv", b"x,t,u\n0.5,0.5,1\n"),
    ("history.csv", b"x,t,u\n0.5,0.5,1\n"),
    ("empty.csv", b""),
    ("column.csv", b"x,u\n1,2\n"),
    ("nan.csv", b"x,t,u\n0,0,1\n0,1,NaN\n"),
    ("short.csv", b"x,t,u\n0,0,1\n0,1\n"),
    ("twice.csv", b"x,t,u\n0,0,1\n0,0,2\n"),
    ("outside.csv", b"x,t,u\n0,0,1\n0,100,2\n"),
    ("other.csv", b"x,t,temperature\n0,0,1\n"),
    ("function.csv", b"x,t,u,exp\n0,0,1,2\n"),
    ("latin.csv", b"x,t,u\n0,0,1 \xb0C\n"),
];

/// Label and bytes of every wrong file.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let changed = CHANGES.iter().map(|(from, to)| {
        assert_eq!(GOOD.matches(from).count(), 1, "{from}");
        let label = format!("{} → {}", from.escape_debug(), to.escape_debug()).replace("\\\"", "\"");
        (label, GOOD.replace(from, to).into_bytes())
    });
    let text = |label: &str, text: String| (label.to_owned(), text.into_bytes());
    let nested = format!("\"u_t - {}u{}\"", "(".repeat(150), ")".repeat(150));
    let signs = format!("\"u_t {}u\"", "-".repeat(5000));
    let long = format!("\"u_t - u{}\"", " + u".repeat(8000));
    let blown = format!("\"u_t - d({}u{}, x, x, x, t)\"", "sin(exp(cos(".repeat(4), ")))".repeat(4));
    let terms = (0..6).map(|number| format!("\n[[term]]\nname = \"t{number}\"\nresidual = \"u\"\n"));
    let constants = (0..70).map(|number| format!("c{number} = 1\n"));
    let wide = GOOD.encode_utf16().flat_map(u16::to_le_bytes);
    let bytes = |label: &str, bytes: Vec<u8>| (label.to_owned(), bytes);
    changed
        .chain([
            text("150 parentheses", GOOD.replace(PDE, &nested)),
            text("5000 signs", GOOD.replace(PDE, &signs)),
            text("a sum of 8000", GOOD.replace(PDE, &long)),
            text("derivatives of derivatives", GOOD.replace(PDE, &blown)),
            text("nine terms", GOOD.to_owned() + &terms.collect::<String>()),
            text(
                "single brackets",
                GOOD.split("[[term]]").next().unwrap_or_default().to_owned() + "[term]\nname = \"pde\"\n",
            ),
            text("70 constants", GOOD.replace("k = 0.1\n", &("k = 0.1\n".to_owned() + &constants.collect::<String>()))),
            text("no terms", GOOD.split("[[term]]").next().unwrap_or_default().to_owned()),
            text("9000 brackets", format!("name = {}", "[".repeat(9000))),
            text("two megabytes", format!("# {}\n{GOOD}", "x".repeat(2 << 20))),
            text("an empty file", String::new()),
            bytes("UTF-16", [0xff, 0xfe].into_iter().chain(wide).collect()),
            bytes("Latin-1", [GOOD.as_bytes(), b"# gr\xf6\xdfer\n"].concat()),
            bytes("zeros", vec![0; 64]),
        ])
        .collect()
}
