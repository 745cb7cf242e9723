use std::time::Duration;

use watertight::testing::{Fault, Rule};

use crate::{scale::Scale, shop::Leaf, traffic::Stretch};

/// One scene of the day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    Calm,
    EmailHangs,
    LoyaltyFails,
    PaymentStorm,
    TenantFloods,
    Rebuild,
}

/// What happens in an act, from its start on.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Before the trouble, in it, after it.
    pub(crate) calm: Duration,
    pub(crate) trouble: Duration,
    pub(crate) after: Duration,
    /// The load in each of them, as a multiple of the calm rate.
    loads: [f64; 3],
    flood: f64,
    fault: Option<(Leaf, Fault)>,
    /// A share of the calls that fail on top.
    errors: f64,
    /// How often every customer has moved before.
    pub(crate) moves: u64,
    /// Whether a read model is rebuilt in the trouble.
    pub(crate) rebuilds: bool,
    /// Who is started anew once the customers have gone.
    pub(crate) restarted: Option<Leaf>,
}

/// The orders of a storm, as a multiple of a calm day.
pub(crate) const STORM: f64 = 15.0;

/// Enough that a rebuild takes as long as some checkouts.
const MOVES: u64 = 80;

impl Act {
    pub(crate) const ALL: [Self; 6] = [
        Self::Calm,
        Self::EmailHangs,
        Self::LoyaltyFails,
        Self::PaymentStorm,
        Self::TenantFloods,
        Self::Rebuild,
    ];

    pub(crate) const fn number(self) -> usize {
        match self {
            Self::Calm => 0,
            Self::EmailHangs => 1,
            Self::LoyaltyFails => 2,
            Self::PaymentStorm => 3,
            Self::TenantFloods => 4,
            Self::Rebuild => 8,
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Calm => "a calm day",
            Self::EmailHangs => "e-mail hangs",
            Self::LoyaltyFails => "loyalty answers with errors",
            Self::PaymentStorm => "payment browns out at 15x load",
            Self::TenantFloods => "one tenant floods",
            Self::Rebuild => "a read model is rebuilt",
        }
    }

    /// The title where there is little room.
    pub(crate) const fn short(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::EmailHangs => "e-mail hangs",
            Self::LoyaltyFails => "loyalty fails",
            Self::PaymentStorm => "payment browns out at 15x load",
            Self::TenantFloods => "one floods",
            Self::Rebuild => "rebuild",
        }
    }

    pub(crate) fn script(self) -> Script {
        let seconds = |calm, trouble, after| {
            [calm, trouble, after].map(|seconds: f64| Duration::from_secs_f64(seconds))
        };
        let ([calm, trouble, after], loads) = match self {
            Self::Calm => (seconds(1.5, 0.0, 0.0), [1.0; 3]),
            Self::EmailHangs | Self::TenantFloods => (seconds(0.5, 2.5, 0.0), [1.0; 3]),
            Self::LoyaltyFails => (seconds(0.5, 2.5, 0.5), [1.0; 3]),
            Self::PaymentStorm => (seconds(1.0, 4.0, 4.0), [1.0, STORM, 2.0]),
            Self::Rebuild => (seconds(0.3, 1.2, 0.5), [1.0, 3.0, 1.0]),
        };
        let (fault, errors, flood) = match self {
            Self::Calm | Self::Rebuild => (None, 0.0, 0.0),
            Self::EmailHangs => (Some((Leaf::Email, Fault::hang())), 0.0, 0.0),
            Self::LoyaltyFails => (Some((Leaf::Loyalty, Fault::error())), 0.0, 0.0),
            Self::PaymentStorm => {
                let slow = Fault::latency(7 * Leaf::Payment.work());
                (Some((Leaf::Payment, slow)), 0.1, 0.0)
            }
            Self::TenantFloods => (None, 0.0, STORM),
        };
        Script {
            calm,
            trouble,
            after,
            loads,
            flood,
            fault,
            errors,
            moves: if self == Self::Rebuild { MOVES } else { 0 },
            rebuilds: self == Self::Rebuild,
            restarted: matches!(self, Self::EmailHangs).then_some(Leaf::Email),
        }
    }
}

impl Script {
    pub(crate) fn lasts(&self) -> Duration {
        self.calm + self.trouble + self.after
    }

    pub(crate) fn stretches(&self, scale: Scale) -> [Stretch; 3] {
        let lasts = [self.calm, self.trouble, self.after];
        let floods = [0.0, self.flood, 0.0];
        std::array::from_fn(|part| Stretch {
            lasts: lasts[part],
            rate: self.loads[part] * scale.calm,
            flood: floods[part] * scale.calm,
        })
    }

    /// Whose plan follows which rules; they time themselves once they are set.
    pub(crate) fn rules(&self) -> Option<(Leaf, Vec<Rule<u64>>)> {
        let (leaf, fault) = self.fault?;
        let during = |rule: Rule<u64>| rule.starting(self.calm).lasting(self.trouble);
        let mut rules = vec![during(Rule::new(fault))];
        if self.errors > 0.0 {
            rules.insert(0, during(Rule::new(Fault::error()).share(self.errors)));
        }
        Some((leaf, rules))
    }
}
