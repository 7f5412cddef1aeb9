//! The tree itself: what an expression is made of, and how it is told apart from others.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::math::{MultiIndex, Real, Stream};

/// What an expression takes from outside when it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leaf {
    /// A coordinate of the point.
    Axis(usize),
    /// A derivative of a field, or the field itself.
    Field { field: usize, index: MultiIndex },
    /// ∂^index of the generalised Laplacian Lu = Σ cᵢ ∂ᵢᵢu of a field. No text says it: [`super::analysis`] puts it where
    /// the second derivatives were, if they occur in this one combination only.
    Laplacian { field: usize, index: MultiIndex },
    /// A number that is trained with the network.
    Unknown(usize),
    /// A column of a data file.
    Column(usize),
    /// A number that was computed once for the point, see [`super::split`].
    Known(usize),
    /// The cotangent of a component of a residual, see [`super::wgsl`].
    Cotangent(usize),
}

impl Leaf {
    /// What of a jet it is; none where it is no derivative of a field that a jet can hold.
    pub fn stream(&self) -> Option<Stream> {
        match self {
            Self::Field { index, .. } => Some(Stream::Derivative(*index)),
            Self::Laplacian { index, .. } => match index.axes()[..] {
                [] => Some(Stream::Laplacian),
                [axis] => Some(Stream::SlopeOfLaplacian(axis)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    Sin,
    Cos,
    Tan,
    Exp,
    Log,
    Sqrt,
    Tanh,
    Sinh,
    Cosh,
    Abs,
    /// −1, 0 or 1: the slope of `abs`.
    Sign,
}

impl Function {
    /// All that can be written. A sign comes from a derivative only.
    pub const WRITTEN: [Self; 10] = [
        Self::Sin,
        Self::Cos,
        Self::Tan,
        Self::Exp,
        Self::Log,
        Self::Sqrt,
        Self::Tanh,
        Self::Sinh,
        Self::Cosh,
        Self::Abs,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tan => "tan",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::Tanh => "tanh",
            Self::Sinh => "sinh",
            Self::Cosh => "cosh",
            Self::Abs => "abs",
            Self::Sign => "sign",
        }
    }

    /// Its value.
    pub fn of<T: Real>(self, x: T) -> T {
        match self {
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.sin() / x.cos(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
            Self::Sinh => x.sinh(),
            Self::Cosh => x.cosh(),
            Self::Abs => x.abs(),
            Self::Sign => x.sign(),
        }
    }
}

/// What stands at the root of an expression.
#[derive(Clone, Debug)]
pub enum Op {
    /// A number as it was written.
    Number(f64),
    /// A constant with a name, which texts show in place of its value.
    Constant(Arc<str>, f64),
    /// Something from outside.
    Leaf(Leaf),
    /// The sum of at least two expressions, none of them a sum.
    Sum(Vec<Expr>),
    /// The product of at least two expressions, none of them a product; a number stands in front.
    Product(Vec<Expr>),
    /// −x.
    Neg(Expr),
    /// A quotient.
    Div(Expr, Expr),
    /// An integer power, neither 0 nor 1.
    Pow(Expr, i32),
    /// Any other power; the base must be positive.
    Power(Expr, Expr),
    /// A function of one number.
    Call(Function, Expr),
    /// The smaller of two, the first if they are equal.
    Min(Expr, Expr),
    /// The larger of two, the first if they are equal.
    Max(Expr, Expr),
    /// [x, limit, chosen, other]: `chosen` if x ≤ limit, else `other`. It is the slope of `min` and `max`.
    Choose([Expr; 4]),
}

/// An expression: a tree that never changes and shares its branches, so a clone costs nothing.
///
/// Two expressions are equal if they are made of the same parts in the same order. What is compared is a digest of 128 bits,
/// made at construction, so comparing two large trees costs no more than comparing two numbers.
#[derive(Clone)]
pub struct Expr(Arc<Node>);

struct Node {
    op: Op,
    digest: u128,
    size: u64,
    depth: u32,
    holds: Holds,
}

/// What kinds of leaves occur in an expression.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Holds {
    /// Coordinates or columns: what is known of a point before training.
    pub known: bool,
    /// Anything else from outside.
    pub free: bool,
}

impl Expr {
    /// Builds a node without simplifying it; everything else goes through the functions of `simplify.rs`.
    pub(super) fn node(op: Op) -> Self {
        let (mut size, mut depth) = (1_u64, 0);
        let known = matches!(op, Op::Leaf(Leaf::Axis(_) | Leaf::Column(_)));
        let mut holds = Holds { known, free: matches!(op, Op::Leaf(_)) && !known };
        op.children(|child| {
            size = size.saturating_add(child.size());
            depth = depth.max(child.depth());
            holds.known |= child.holds().known;
            holds.free |= child.holds().free;
        });
        let digest = op.digest();
        Self(Arc::new(Node { op, digest, size, depth: depth + 1, holds }))
    }

    /// A number.
    pub fn number(value: f64) -> Self {
        Self::node(Op::Number(value))
    }

    /// A named constant.
    pub fn constant(name: &str, value: f64) -> Self {
        Self::node(Op::Constant(name.into(), value))
    }

    /// π.
    pub fn pi() -> Self {
        Self::constant("pi", std::f64::consts::PI)
    }

    /// Something from outside.
    pub fn leaf(leaf: Leaf) -> Self {
        Self::node(Op::Leaf(leaf))
    }

    /// A coordinate.
    pub fn axis(axis: usize) -> Self {
        Self::leaf(Leaf::Axis(axis))
    }

    /// A field, differentiated along each of `axes` in turn.
    pub fn field(field: usize, axes: &[usize]) -> Self {
        Self::leaf(Leaf::Field { field, index: MultiIndex::of(axes) })
    }

    /// A number that is trained.
    pub fn unknown(number: usize) -> Self {
        Self::leaf(Leaf::Unknown(number))
    }

    /// A column of a data file.
    pub fn column(number: usize) -> Self {
        Self::leaf(Leaf::Column(number))
    }

    /// What stands at its root.
    pub fn op(&self) -> &Op {
        &self.0.op
    }

    /// How many nodes it has, counting a branch as often as it occurs.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The longest way from its root to a leaf, in nodes.
    pub fn depth(&self) -> u32 {
        self.0.depth
    }

    /// What it is told apart by.
    pub(super) fn digest(&self) -> u128 {
        self.0.digest
    }

    /// What kinds of leaves occur in it.
    pub(super) fn holds(&self) -> Holds {
        self.0.holds
    }

    /// Its value as a number that was written.
    pub fn as_number(&self) -> Option<f64> {
        match self.op() {
            Op::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// Its value, if it holds numbers and constants only.
    pub fn as_constant(&self) -> Option<f64> {
        (self.holds() == Holds::default()).then(|| self.evaluate(&mut |_: &Leaf| 0.0))
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.as_number() == Some(0.0)
    }
}

impl Op {
    /// Visits what stands directly below, in order.
    pub fn children(&self, mut visit: impl FnMut(&Expr)) {
        match self {
            Self::Number(_) | Self::Constant(..) | Self::Leaf(_) => {}
            Self::Sum(parts) | Self::Product(parts) => parts.iter().for_each(visit),
            Self::Neg(x) | Self::Pow(x, _) | Self::Call(_, x) => visit(x),
            Self::Div(a, b) | Self::Power(a, b) | Self::Min(a, b) | Self::Max(a, b) => {
                visit(a);
                visit(b);
            }
            Self::Choose(parts) => parts.iter().for_each(visit),
        }
    }

    /// The same operation of other operands, simplified anew; `operand` is asked for each in order.
    pub(super) fn rebuilt(&self, mut operand: impl FnMut(&Expr) -> Expr) -> Expr {
        match self {
            Self::Number(_) | Self::Constant(..) | Self::Leaf(_) => Expr::node(self.clone()),
            Self::Sum(parts) => Expr::sum(parts.iter().map(operand).collect()),
            Self::Product(parts) => Expr::product(parts.iter().map(operand).collect()),
            Self::Neg(x) => -operand(x),
            Self::Div(a, b) => operand(a) / operand(b),
            Self::Pow(x, n) => operand(x).powi(*n),
            Self::Power(a, b) => operand(a).power(operand(b)),
            Self::Call(function, x) => operand(x).call(*function),
            Self::Min(a, b) => operand(a).min(operand(b)),
            Self::Max(a, b) => operand(a).max(operand(b)),
            Self::Choose(parts) => Expr::choose(parts.each_ref().map(operand)),
        }
    }

    fn digest(&self) -> u128 {
        // two hashes of 64 bits that begin differently
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, std::mem::discriminant(self)).hash(&mut hasher);
            match self {
                Self::Number(value) => value.to_bits().hash(&mut hasher),
                Self::Constant(name, value) => (name, value.to_bits()).hash(&mut hasher),
                Self::Leaf(leaf) => leaf.hash(&mut hasher),
                Self::Pow(_, exponent) => exponent.hash(&mut hasher),
                Self::Call(function, _) => function.hash(&mut hasher),
                _ => {}
            }
            self.children(|child| child.digest().hash(&mut hasher));
            hasher.finish()
        };
        u128::from(half(0)) << 64 | u128::from(half(1))
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Expr {}

impl Hash for Expr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest().hash(state);
    }
}

/// With numbers in place of names; [`Expr::show`] knows the names.
impl fmt::Debug for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.show(&super::Scope::default()))
    }
}
