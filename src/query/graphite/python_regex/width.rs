//! How many letters a part of a pattern takes: look-behind wants one number.

/// At least and at most so many letters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Width {
    min: u64,
    max: u64,
}

impl Width {
    pub(super) const NONE: Width = Width { min: 0, max: 0 };
    pub(super) const ONE: Width = Width { min: 1, max: 1 };

    pub(super) fn then(self, other: Width) -> Width {
        Width {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    pub(super) fn or(self, other: Width) -> Width {
        Width {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The same, where its last part, of width `own`, is there `min` to `max` times.
    pub(super) fn but_repeated(self, own: Width, min: u64, max: Option<u64>) -> Width {
        let before = Width {
            min: self.min.saturating_sub(own.min),
            max: match self.max {
                u64::MAX => u64::MAX,
                max => max.saturating_sub(own.max),
            },
        };
        before.then(Width {
            min: own.min.saturating_mul(min),
            max: own.max.saturating_mul(max.unwrap_or(u64::MAX)),
        })
    }

    pub(super) fn is_fixed(self) -> bool {
        self.min == self.max
    }
}
