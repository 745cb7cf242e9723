//! What a command takes on an account with many events.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Answer, Ask, Outcome, Subject};
use crate::stats::median;

/// Commands per size, where there is time.
pub const SAMPLES: u64 = 100;

/// Commands per size, however long they take.
const LEAST: usize = 3;

/// How many events the accounts have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sizes(pub [u64; 3]);

impl Sizes {
    /// Ten, and more the more events there are: 1 000 and 100 000 of a million.
    #[must_use]
    pub fn of(events: u64) -> Self {
        Self([10, (events / 1_000).max(20), (events / 10).max(50)])
    }

    /// Accounts of this size: enough of the small ones that they stay small.
    #[must_use]
    pub fn accounts(self, size: u64) -> u64 {
        let few = self.0[2] / size.max(1);
        few.clamp(1, SAMPLES)
    }

    /// The account of this size and number.
    #[must_use]
    pub const fn id(size: u64, number: u64) -> Uuid {
        Uuid::from_u64_pair(size, number)
    }

    /// Every account with its size.
    pub fn all(self) -> impl Iterator<Item = (u64, Uuid)> {
        self.0.into_iter().flat_map(move |size| {
            (0..self.accounts(size)).map(move |number| (size, Self::id(size, number)))
        })
    }
}

/// Milliseconds per command, under the size of the account: the median of one client's commands, the sizes in turn.
///
/// # Errors
///
/// A command fails.
pub async fn aged(subject: &impl Subject, ask: &Ask, cold: bool) -> anyhow::Result<Answer> {
    let sizes = ask.sizes();
    if !cold {
        for (_, id) in sizes.all() {
            once(subject, id).await?;
        }
    }
    let mut taken = sizes.0.map(|_| Vec::new());
    for sample in 0..SAMPLES {
        for (size, taken) in sizes.0.into_iter().zip(&mut taken) {
            let spent: f64 = taken.iter().sum();
            if taken.len() >= LEAST && spent > millis(ask.time()) {
                continue;
            }
            let subject = if cold {
                subject.cold()
            } else {
                subject.clone()
            };
            let id = Sizes::id(size, sample % sizes.accounts(size));
            let start = Instant::now();
            once(&subject, id).await?;
            taken.push(millis(start.elapsed()));
        }
    }
    let medians = sizes.0.into_iter().zip(&taken);
    let medians = medians.map(|(size, taken)| (size.to_string(), median(taken)));
    Ok(medians.collect())
}

async fn once(subject: &impl Subject, id: Uuid) -> anyhow::Result<()> {
    let outcome = subject.update(id).await?;
    ensure!(outcome == Outcome::Done, "a conflict, with one client");
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
