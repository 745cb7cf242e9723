//! What a figure must keep to, and whether it does.

use std::fmt;

/// What a figure of ours must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most so many of the row's unit.
    AtMost(f64),
    /// At least so many.
    AtLeast(f64),
    /// At most this share of a peer's figure.
    AtMostOf(&'static str, f64),
    /// At least this share of a peer's figure.
    AtLeastOf(&'static str, f64),
}

/// How our figure stands to a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Our figure divided by the peer's, or by the limit.
    pub ratio: f64,
    /// Whether the target holds.
    pub holds: bool,
}

impl Target {
    /// The peer that the target is about.
    #[must_use]
    pub const fn peer(self) -> Option<&'static str> {
        match self {
            Self::AtMost(_) | Self::AtLeast(_) => None,
            Self::AtMostOf(peer, _) | Self::AtLeastOf(peer, _) => Some(peer),
        }
    }

    /// Judges our figure; nothing if the peer was not measured, or its figure is no measure.
    pub fn judge(self, ours: f64, peer: impl Fn(&str) -> Option<f64>) -> Option<Judged> {
        let (measure, limit) = match self {
            Self::AtMost(0.0) => {
                let (ratio, holds) = (ours, ours <= 0.0);
                return Some(Judged { ratio, holds });
            }
            Self::AtMost(limit) | Self::AtLeast(limit) => (limit, 1.0),
            Self::AtMostOf(name, limit) | Self::AtLeastOf(name, limit) => (peer(name)?, limit),
        };
        if !(measure > 0.0 && ours.is_finite()) {
            return None;
        }
        let ratio = ours / measure;
        let holds = match self {
            Self::AtLeast(_) | Self::AtLeastOf(..) => ratio >= limit,
            Self::AtMost(_) | Self::AtMostOf(..) => ratio <= limit,
        };
        Some(Judged { ratio, holds })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::AtMostOf(peer, share) if share < 0.2 => {
                write!(f, "<= 1/{:.0} of {peer}", 1.0 / share)
            }
            Self::AtMostOf(peer, share) => write!(f, "<= {share}x {peer}"),
            Self::AtLeastOf(peer, share) => write!(f, ">= {share}x {peer}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str) -> Option<f64> {
        (name == "peer").then_some(100.0)
    }

    #[test]
    fn a_share_of_a_peer_is_a_limit_from_above() {
        let target = Target::AtMostOf("peer", 0.5);
        assert!(target.judge(50.0, peer).unwrap().holds);
        assert!(!target.judge(50.1, peer).unwrap().holds);
    }

    #[test]
    fn at_least_is_a_limit_from_below() {
        let target = Target::AtLeastOf("peer", 0.95);
        assert!(target.judge(95.0, peer).unwrap().holds);
        assert!(!target.judge(94.9, peer).unwrap().holds);
    }

    #[test]
    fn at_least_so_many_is_a_limit_of_its_own() {
        assert!(Target::AtLeast(100.0).judge(100.0, peer).unwrap().holds);
        assert!(!Target::AtLeast(100.0).judge(99.0, peer).unwrap().holds);
    }

    #[test]
    fn none_allowed_means_none() {
        assert!(Target::AtMost(0.0).judge(0.0, peer).unwrap().holds);
        assert!(!Target::AtMost(0.0).judge(0.5, peer).unwrap().holds);
    }

    #[test]
    fn without_the_peers_figure_nothing_is_judged() {
        assert_eq!(Target::AtMostOf("absent", 0.5).judge(1.0, peer), None);
        assert_eq!(Target::AtMostOf("peer", 0.5).judge(f64::NAN, peer), None);
    }

    #[test]
    fn small_shares_are_told_as_fractions() {
        assert_eq!(
            Target::AtMostOf("peer", 1.0 / 15.0).to_string(),
            "<= 1/15 of peer"
        );
        assert_eq!(Target::AtMostOf("peer", 0.65).to_string(), "<= 0.65x peer");
    }
}
