//! What is known of some values in a row, so that two rows joined are known from each of them.

/// Of some values in a row, nulls left out.
pub(super) trait Summary: Copy {
    /// Of no value.
    const NONE: Self;

    /// Of one value; NaN is none.
    fn of(value: f64) -> Self;

    /// Of these values and then those of `later`.
    fn then(self, later: Self) -> Self;
}

/// The first value, and the sum of all with twice the digits of a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    first: f64,
    high: f64,
    low: f64,
}

impl Total {
    /// The sum.
    pub(super) fn sum(self) -> f64 {
        self.high
    }

    /// The first minus all later ones.
    pub(super) fn difference(self) -> f64 {
        let first = Total::of(self.first);
        let minus = Total {
            first: 0.0,
            high: -self.high,
            low: -self.low,
        };
        first.then(first).then(minus).high
    }
}

impl Summary for Total {
    const NONE: Total = Total {
        first: f64::NAN,
        high: 0.0,
        low: 0.0,
    };

    fn of(value: f64) -> Total {
        if value.is_nan() {
            return Total::NONE;
        }
        Total {
            first: value,
            high: value,
            low: 0.0,
        }
    }

    fn then(self, later: Total) -> Total {
        let first = if self.first.is_nan() {
            later.first
        } else {
            self.first
        };
        let (sum, lost) = sum_and_lost(self.high, later.high);
        if !sum.is_finite() {
            return Total {
                first,
                high: sum,
                low: 0.0,
            };
        }
        let (high, low) = sum_and_lost(sum, lost + self.low + later.low);
        Total { first, high, low }
    }
}

/// The sum of two numbers, and exactly what rounding took from it.
fn sum_and_lost(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The least and the largest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Summary for Extremes {
    const NONE: Extremes = Extremes {
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
    };

    fn of(value: f64) -> Extremes {
        if value.is_nan() {
            return Extremes::NONE;
        }
        Extremes {
            least: value,
            most: value,
        }
    }

    fn then(self, later: Extremes) -> Extremes {
        Extremes {
            least: self.least.min(later.least),
            most: self.most.max(later.most),
        }
    }
}

/// The product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product(pub(super) f64);

impl Summary for Product {
    const NONE: Product = Product(1.0);

    fn of(value: f64) -> Product {
        Product(if value.is_nan() { 1.0 } else { value })
    }

    fn then(self, later: Product) -> Product {
        Product(self.0 * later.0)
    }
}

/// How many there are, their mean, and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The population standard deviation.
    pub(super) fn deviation(self) -> f64 {
        (self.squares / self.count).sqrt()
    }
}

impl Summary for Moments {
    const NONE: Moments = Moments {
        count: 0.0,
        mean: 0.0,
        squares: 0.0,
    };

    fn of(value: f64) -> Moments {
        if value.is_nan() {
            return Moments::NONE;
        }
        Moments {
            count: 1.0,
            mean: value,
            squares: 0.0,
        }
    }

    fn then(self, later: Moments) -> Moments {
        if self.count == 0.0 {
            return later;
        }
        if later.count == 0.0 {
            return self;
        }
        let count = self.count + later.count;
        let apart = later.mean - self.mean;
        Moments {
            count,
            mean: self.mean + apart * (later.count / count),
            squares: self.squares
                + later.squares
                + apart * apart * (self.count * later.count / count),
        }
    }
}
