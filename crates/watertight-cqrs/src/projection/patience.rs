use std::{future::Future, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use watertight_events::ViewError;

use super::{ProjectionError, ProjectionState, handle::Teller};

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(10);

/// Why a run does not go on.
#[derive(Debug)]
pub enum Halt {
    /// Another run has taken the view over, or moved it.
    Fenced,
    /// It was asked to stop.
    Stopped,
    /// It cannot.
    Failed(ProjectionError),
}

/// Tries again what may pass, with longer and longer pauses, until it is asked to stop.
pub(crate) struct Patience<'a> {
    stop: &'a CancellationToken,
    teller: &'a Teller,
}

impl<'a> Patience<'a> {
    pub(crate) const fn new(stop: &'a CancellationToken, teller: &'a Teller) -> Self {
        Self { stop, teller }
    }

    pub(crate) async fn with<T, X, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, X>>,
        X: Into<ProjectionError>,
    {
        let mut before = None;
        let mut pause = Duration::from_millis(50);
        loop {
            let error = match attempt().await.map_err(Into::into) {
                Ok(done) => {
                    if let Some(before) = before {
                        self.teller.state(before);
                    }
                    return Ok(done);
                }
                Err(error) if error.is_transient() => error,
                Err(ProjectionError::View(ViewError::Fenced { .. })) => return Err(Halt::Fenced),
                Err(error) => return Err(Halt::Failed(error)),
            };
            before.get_or_insert_with(|| self.teller.0.borrow().state.clone());
            let why = error.to_string().into();
            self.teller.state(ProjectionState::Retrying(why));
            // Not all at the same time when a store comes back.
            self.sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0))
                .await?;
            pause = (pause * 2).min(LONGEST);
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) -> Result<(), Halt> {
        let slept = self.stop.run_until_cancelled(sleep(pause)).await;
        slept.ok_or(Halt::Stopped)
    }
}
