use std::{fmt, time::Duration};

/// Something measured, or its bound; only figures of one kind are compared.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Figure {
    /// A share of 1.
    Share(f64),
    Time(Duration),
    Count(usize),
    OrdersPerSecond(f64),
    RequestsPerCheckout(f64),
}

/// Where a figure has to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    AtLeast(Figure),
    AtMost(Figure),
}

impl Bound {
    pub(crate) fn holds(self, found: Figure) -> bool {
        match self {
            Self::AtLeast(limit) => found >= limit,
            Self::AtMost(limit) => found <= limit,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => {
                let tenths = (share * 1_000.0).round() / 10.0;
                write!(f, "{tenths} %")
            }
            Self::Time(time) => write!(f, "{} ms", time.as_millis()),
            Self::Count(count) => write!(f, "{count}"),
            Self::OrdersPerSecond(rate) => write!(f, "{rate:.1} /s"),
            Self::RequestsPerCheckout(requests) => write!(f, "{requests:.2}"),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(Figure::Count(0)) => write!(f, "none"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_includes_its_limit() {
        let half = Figure::Share(0.5);
        assert!(Bound::AtLeast(half).holds(half) && Bound::AtMost(half).holds(half));
        assert!(!Bound::AtLeast(half).holds(Figure::Share(0.49)));
        assert!(!Bound::AtMost(half).holds(Figure::Share(0.51)));
    }

    #[test]
    fn what_is_no_number_holds_nothing() {
        let nan = Figure::Share(f64::NAN);
        assert!(!Bound::AtLeast(Figure::Share(0.0)).holds(nan));
        assert!(!Bound::AtMost(Figure::Share(1.0)).holds(nan));
    }

    #[test]
    fn figures_are_written_with_their_units() {
        let told = |figure: Figure| figure.to_string();
        assert_eq!(told(Figure::Share(0.9876)), "98.8 %");
        assert_eq!(told(Figure::Share(1.0)), "100 %");
        assert_eq!(told(Figure::Time(Duration::from_millis(1_210))), "1210 ms");
        assert_eq!(told(Figure::OrdersPerSecond(8.25)), "8.2 /s");
        assert_eq!(Bound::AtMost(Figure::Count(0)).to_string(), "none");
    }
}
