//! A value as it was sent: a decimal where it is a short one, else the nearest float.
//!
//! Senders write decimals. What they wrote is kept as a whole number and a scale, because that packs
//! far better than the float it stands for, and gives that float back bit for bit: both parts of the
//! division are exact, so the quotient is correctly rounded (Clinger 1990).

/// Powers of ten that a decimal may be divided by.
static TENS: [f64; Number::SCALE_MAX as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Their whole numbers.
static WHOLE_TENS: [i64; Number::SCALE_MAX as usize + 1] = {
    let mut tens = [1i64; Number::SCALE_MAX as usize + 1];
    let mut i = 1;
    while i < tens.len() {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};

/// A finite value.
///
/// Decimal: `mantissa / 10^scale`, with `scale` at most [`Number::SCALE_MAX`] and the mantissa at most
/// [`Number::MANTISSA_MAX`] either way; in a series of whole numbers ([`super::series::Values::Long`])
/// the scale is 0 and the mantissa any `i64`. Float: the scale is [`Number::FLOAT`] and the mantissa
/// holds its bits; so does negative zero, which no decimal can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The digits, or the bits of a float.
    pub mantissa: i64,
    /// Decimals, or [`Number::FLOAT`].
    pub scale: u8,
}

impl Number {
    /// Most decimals.
    pub const SCALE_MAX: u8 = 15;
    /// Up to here `f64` holds every whole number.
    pub const MANTISSA_MAX: i64 = 1 << 53;
    /// The scale of what is no decimal.
    pub const FLOAT: u8 = u8::MAX;
    /// The scale of what is no number: the mantissa is where a text is, see [`Number::text`].
    pub const TEXT: u8 = u8::MAX - 1;

    /// `mantissa / 10^scale`; both within their bounds.
    #[inline]
    pub fn decimal(mantissa: i64, scale: u8) -> Number {
        Number { mantissa, scale }
    }

    /// A float as it is, not looked at further; see [`Number::found`].
    #[inline]
    pub fn float(value: f64) -> Number {
        Number {
            mantissa: value.to_bits() as i64,
            scale: Number::FLOAT,
        }
    }

    /// A whole number of a series of such.
    #[inline]
    pub fn long(value: i64) -> Number {
        Number {
            mantissa: value,
            scale: 0,
        }
    }

    /// A text of a batch, by its first byte in the batch's text and its bytes. Only on the way from a
    /// decoder to the store, and only in samples whose series has
    /// [`Values::Text`](super::series::Values::Text).
    pub fn text(start: u32, len: u32) -> Number {
        Number {
            mantissa: (u64::from(start) << 32 | u64::from(len)) as i64,
            scale: Number::TEXT,
        }
    }

    /// Whether it is no decimal.
    #[inline]
    pub fn is_float(self) -> bool {
        self.scale == Number::FLOAT
    }

    /// The value: for a decimal the same bits as parsing its text gives.
    #[inline]
    pub fn to_f64(self) -> f64 {
        match TENS.get(usize::from(self.scale)) {
            Some(tens) => self.mantissa as f64 / tens,
            None => f64::from_bits(self.mantissa as u64),
        }
    }

    /// What a mantissa of `scale` is divided by; of the largest scale where it is larger.
    #[inline]
    pub fn tens(scale: u8) -> f64 {
        TENS[usize::from(scale.min(Number::SCALE_MAX))]
    }

    /// The mantissa that the same decimal has at `scale`: `None` if it has none within bounds, or is a
    /// float.
    #[inline]
    pub fn mantissa_at(self, scale: u8) -> Option<i64> {
        if self.scale == scale {
            return Some(self.mantissa);
        }
        let more = scale.checked_sub(self.scale)?;
        let wider = self
            .mantissa
            .checked_mul(*WHOLE_TENS.get(usize::from(more))?)?;
        (wider.unsigned_abs() <= Number::MANTISSA_MAX as u64).then_some(wider)
    }

    /// The decimal of at most six places that a float is, tried at `scale` first; the float itself if
    /// it is none.
    pub fn found(value: f64, scale: u8) -> Number {
        Number::at(value, scale)
            .or_else(|| (0..=6).find_map(|scale| Number::at(value, scale)))
            .unwrap_or(Number::float(value))
    }

    /// `value` as a decimal of `scale` places, if it is one.
    #[inline]
    pub fn at(value: f64, scale: u8) -> Option<Number> {
        let tens = TENS.get(usize::from(scale))?;
        let wide = (value * tens).round_ties_even();
        // A saturated or NaN cast does not come back as the same bits.
        let mantissa = wide as i64;
        let number = Number { mantissa, scale };
        let same = number.to_f64().to_bits() == value.to_bits();
        (same && mantissa.unsigned_abs() <= Number::MANTISSA_MAX as u64).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn a_decimal_is_the_float_of_its_text() {
        let mut random = Random::new(11);
        for _ in 0..100_000 {
            let scale = random.below(16) as u8;
            let mantissa = (random.next_u64() >> (11 + random.below(50))) as i64;
            let number = Number::decimal(mantissa, scale);
            let text = format!("{mantissa}e-{scale}");
            let want: f64 = text.parse().expect("a number");
            assert_eq!(number.to_f64().to_bits(), want.to_bits(), "{text}");
            for wider in scale..=Number::SCALE_MAX {
                if let Some(mantissa) = number.mantissa_at(wider) {
                    let wide = Number::decimal(mantissa, wider);
                    assert_eq!(wide.to_f64().to_bits(), want.to_bits(), "{text} at {wider}");
                }
            }
        }
    }

    #[test]
    fn what_is_found_is_the_same_float() {
        let found = |value: f64| Number::found(value, 2);
        assert_eq!(found(367.61), Number::decimal(36761, 2));
        assert_eq!(found(4.0), Number::decimal(400, 2));
        assert_eq!(found(0.125), Number::decimal(125, 3));
        let wild = [
            -0.0,
            1.0 / 3.0,
            1e300,
            f64::MIN_POSITIVE,
            9007199254740993e9,
        ];
        for value in wild {
            assert!(found(value).is_float(), "{value}");
        }
        let mut random = Random::new(12);
        for _ in 0..100_000 {
            let value = f64::from_bits(random.next_u64());
            if value.is_finite() {
                assert_eq!(found(value).to_f64().to_bits(), value.to_bits(), "{value}");
            }
        }
    }
}
