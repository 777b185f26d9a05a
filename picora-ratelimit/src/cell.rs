//! The state of one limit.

use std::fmt;

/// An instant and a number, and the kind of the rule that wrote them.
///
/// | kind | instant | number |
/// |---|---|---|
/// | [`Gcra`](crate::Gcra) | the theoretical arrival time: when everything charged so far will have drained at the steady rate | 0 |
/// | [`Window`](crate::Window), [`Calendar`](crate::Calendar) | the first instant after the window | what has been charged in it |
///
/// **Units**: microseconds since 1970, and cost units up to 2^56 - 1. **Boundaries**: a cell whose instant has come says no more than an
/// absent one. A rule reads the cells of its own kind only. Any content is borne.
///
/// ```
/// use picora_ratelimit::{Cell, CellKind};
/// let cell = Cell::window(60_000_000, 7);
/// assert_eq!((cell.kind(), cell.instant(), cell.number()), (Some(CellKind::Window), 60_000_000, 7));
/// assert_eq!(Cell::NONE.kind(), None);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    instant: i64,
    /// The number, and the kind in the highest byte: in 16 bytes four cells fill a cache line.
    tagged: u64,
}

/// Which kind of rule wrote a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CellKind {
    /// Of a [`Gcra`](crate::Gcra).
    Gcra,
    /// Of a [`Window`](crate::Window).
    Window,
    /// Of a [`Calendar`](crate::Calendar).
    Calendar,
}

impl CellKind {
    /// The kind as it is stored: 1, 2, 3.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Gcra => 1,
            Self::Window => 2,
            Self::Calendar => 3,
        }
    }

    /// The inverse of [`tag`](Self::tag).
    pub(crate) const fn of_tag(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::Gcra),
            2 => Some(Self::Window),
            3 => Some(Self::Calendar),
            _ => None,
        }
    }
}

impl Cell {
    /// No cell: a limit never used.
    pub const NONE: Self = Self {
        instant: 0,
        tagged: 0,
    };

    /// The cell of a [`Gcra`](crate::Gcra).
    #[must_use]
    pub const fn gcra(arrival: i64) -> Self {
        Self::new(CellKind::Gcra, arrival, 0)
    }

    /// The cell of a [`Window`](crate::Window).
    #[must_use]
    pub const fn window(end: i64, used: u64) -> Self {
        Self::new(CellKind::Window, end, used)
    }

    /// The cell of a [`Calendar`](crate::Calendar).
    #[must_use]
    pub const fn calendar(end: i64, used: u64) -> Self {
        Self::new(CellKind::Calendar, end, used)
    }

    /// A cell of this kind; a number of 2^56 or more is taken as 2^56 - 1, which no limit reaches.
    #[must_use]
    pub const fn new(kind: CellKind, instant: i64, number: u64) -> Self {
        let number = if number > NUMBERS { NUMBERS } else { number };
        let tagged = (kind.tag() as u64) << KIND_AT | number;
        Self { instant, tagged }
    }

    /// The kind; none for [`Cell::NONE`].
    #[must_use]
    pub const fn kind(self) -> Option<CellKind> {
        let [.., tag] = self.tagged.to_le_bytes();
        CellKind::of_tag(tag)
    }

    /// The instant, in microseconds since 1970.
    #[must_use]
    pub const fn instant(self) -> i64 {
        self.instant
    }

    /// The number, in cost units.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.tagged & NUMBERS
    }

    /// Whether it is of this kind.
    pub(crate) const fn is(self, kind: CellKind) -> bool {
        self.tagged >> KIND_AT == kind.tag() as u64
    }

    /// The same kind and instant with another number.
    pub(crate) const fn with_number(self, number: u64) -> Self {
        let number = if number > NUMBERS { NUMBERS } else { number };
        Self {
            instant: self.instant,
            tagged: self.tagged & !NUMBERS | number,
        }
    }

    /// As two plain words, and back, for those who read without a lock.
    pub(crate) const fn to_words(self) -> [u64; 2] {
        [self.instant.cast_unsigned(), self.tagged]
    }

    pub(crate) const fn from_words([instant, tagged]: [u64; 2]) -> Self {
        Self {
            instant: instant.cast_signed(),
            tagged,
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Some(kind) => write!(f, "{kind:?}({}, {})", self.instant, self.number()),
            None => f.write_str("None"),
        }
    }
}

/// Where the kind stands; limits are below 2^52, so the bits before it suffice.
const KIND_AT: u32 = 56;
const NUMBERS: u64 = (1 << KIND_AT) - 1;
