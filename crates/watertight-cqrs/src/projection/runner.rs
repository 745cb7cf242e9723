//! Who runs a view or a reactor: one at a time, and the others stand by.

use std::{convert::Infallible, fmt, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use watertight_events::{
    Claimed, EventStore, Filter, PAGE, Parked, Position, Recorded, ViewError, ViewId, ViewStore,
    new_id,
};

use super::{
    ProjectionError, ProjectionHandle, ProjectionState,
    handle::{Status, Teller},
    lead::Lead,
    patience::{Halt, Patience},
};

/// How often one in standby asks whether it is needed.
const STANDBY: Duration = Duration::from_millis(500);

/// What becomes of the events that are read.
pub(crate) trait Work<E, S>: Send {
    /// Before the first event, once per claim.
    fn begin(&mut self, lead: &mut Lead<'_, E, S>)
    -> impl Future<Output = Result<(), Halt>> + Send;

    /// Takes events, and moves on to a position.
    fn take(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> impl Future<Output = Result<(), Halt>> + Send;

    /// Tries events of one lane again that were parked. Afterwards they are not, or not to be tried again.
    fn again(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        parked: Vec<Parked>,
        events: Vec<Recorded>,
    ) -> impl Future<Output = Result<(), Halt>> + Send;
}

/// What a run needs to know.
pub(crate) struct Runner<E, S> {
    pub(crate) view: ViewId,
    pub(crate) filter: Filter,
    pub(crate) events: E,
    pub(crate) views: S,
    pub(crate) batch: usize,
    pub(crate) lease: Duration,
    pub(crate) stop: CancellationToken,
    status: watch::Sender<Status>,
}

impl<E: EventStore, S: ViewStore> Runner<E, S> {
    pub(crate) fn new(view: ViewId, filter: Filter, events: E, views: S) -> Self {
        Self {
            view,
            filter,
            events,
            views,
            batch: PAGE,
            lease: Duration::from_secs(10),
            stop: CancellationToken::new(),
            status: watch::Sender::new(Status::new()),
        }
    }

    pub(crate) fn handle(&self) -> ProjectionHandle {
        ProjectionHandle {
            view: self.view.clone(),
            status: self.status.subscribe(),
            head: self.events.head(),
            stop: self.stop.clone(),
        }
    }

    pub(crate) async fn run(&self, mut work: impl Work<E, S>) -> Result<(), ProjectionError> {
        let teller = Teller(self.status.clone());
        let owner = new_id();
        loop {
            let Err(halt) = self.lead(&mut work, owner, &teller).await;
            match halt {
                Halt::Fenced => {}
                Halt::Stopped => {
                    teller.state(ProjectionState::Stopped);
                    return Ok(());
                }
                Halt::Failed(error) => {
                    let why = error.to_string().into();
                    teller.state(ProjectionState::Failed(why));
                    return Err(error);
                }
            }
        }
    }

    async fn lead(
        &self,
        work: &mut impl Work<E, S>,
        owner: Uuid,
        teller: &Teller,
    ) -> Result<Infallible, Halt> {
        let claimed = self.claim(owner, teller).await?;
        Err(Lead::new(self, teller, claimed).run(work).await)
    }

    async fn claim(&self, owner: Uuid, teller: &Teller) -> Result<Claimed, Halt> {
        let patience = Patience::new(&self.stop, teller);
        let (view, events) = (&self.view, self.events.id());
        loop {
            let claim = || async {
                match self.views.claim(view, events, owner, self.lease).await {
                    Ok(claimed) => Ok(Ok(claimed)),
                    Err(ViewError::Held { left, .. }) => Ok(Err(left)),
                    Err(error) => Err(error),
                }
            };
            match patience.with(claim).await? {
                Ok(claimed) => return Ok(claimed),
                Err(left) => {
                    teller.state(ProjectionState::Standby);
                    let left = left.clamp(Duration::from_millis(1), STANDBY);
                    patience.sleep(left).await?;
                }
            }
        }
    }
}

impl<E, S> fmt::Debug for Runner<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("view", &self.view)
            .field("batch", &self.batch)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
