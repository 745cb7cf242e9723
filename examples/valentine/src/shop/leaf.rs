use std::time::Duration;

use tokio::time::sleep;
use tower::{service_fn, util::BoxCloneSyncService};

use super::people::Work;
use crate::scale::Scale;

/// A service that calls no other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Leaf {
    User,
    Profile,
    Inventory,
    Payment,
    Shipping,
    Loyalty,
    Email,
    Analytics,
}

/// What is in stock when the shop opens: enough for everybody, so that nobody fails for want of roses.
pub(crate) const STOCK: usize = 100_000;

impl Leaf {
    pub(crate) const ALL: [Self; 8] = [
        Self::User,
        Self::Profile,
        Self::Inventory,
        Self::Payment,
        Self::Shipping,
        Self::Loyalty,
        Self::Email,
        Self::Analytics,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Profile => "profile",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Loyalty => "loyalty",
            Self::Email => "email",
            Self::Analytics => "analytics",
        }
    }

    /// How long one of its workers waits for each job: a database, a bank, a mail server.
    pub(crate) const fn work(self) -> Duration {
        Duration::from_millis(match self {
            Self::User | Self::Profile | Self::Analytics => 2,
            Self::Inventory | Self::Loyalty => 4,
            Self::Shipping | Self::Email => 5,
            Self::Payment => 50,
        })
    }

    /// What it does for an order: it waits for somebody else, and holds a worker meanwhile.
    pub(super) fn waits(self) -> Work {
        BoxCloneSyncService::new(service_fn(move |_: u64| async move {
            sleep(self.work()).await;
            Ok(())
        }))
    }

    /// Orders that it can serve in all.
    pub(super) const fn limit(self) -> usize {
        match self {
            Self::Inventory => STOCK,
            _ => usize::MAX,
        }
    }

    /// Jobs at the same time. Payment is the narrow place: four times a calm day, where the others have a hundred.
    pub(crate) fn workers(self, scale: Scale) -> usize {
        let headroom = match self {
            Self::Payment => 4.0,
            _ => 100.0,
        };
        let busy = headroom * scale.calm * self.work().as_secs_f64();
        (busy.ceil() as usize).max(1)
    }
}
