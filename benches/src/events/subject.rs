//! A party under load.

use std::future::Future;

use anyhow::bail;
use uuid::Uuid;

use super::{Answer, Ask, Work, aged, distinct, hot};

/// Takes commands for accounts: an account is opened, and money is paid in.
pub trait Subject: Clone + Send + Sync + 'static {
    /// Opens an account that is not there.
    fn create(&self, id: Uuid) -> impl Future<Output = anyhow::Result<Outcome>> + Send;

    /// Pays into an account.
    fn update(&self, id: Uuid) -> impl Future<Output = anyhow::Result<Outcome>> + Send;

    /// The events that an account has.
    fn stored(&self, id: Uuid) -> impl Future<Output = anyhow::Result<u64>> + Send;

    /// The same as after a restart: it knows of no account.
    #[must_use]
    fn cold(&self) -> Self {
        self.clone()
    }
}

/// What the caller of a command gets to see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Somebody else was quicker, and the caller must try again.
    Conflict,
}

/// Puts a subject under the load that is asked for.
///
/// # Errors
///
/// A command fails, or the work is none for a subject.
pub async fn under_load(subject: &impl Subject, ask: &Ask) -> anyhow::Result<Answer> {
    match ask.work {
        Work::Distinct => distinct(subject, ask.clients, ask.time()).await,
        Work::Hot => hot(subject, ask.clients, ask.time()).await,
        Work::Warm => aged(subject, ask, false).await,
        Work::Cold => aged(subject, ask, true).await,
        other => bail!("{} cannot do {other:?}", ask.subject),
    }
}
