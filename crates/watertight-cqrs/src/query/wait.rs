use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use watertight_events::{VersionState, ViewStore};

use super::QueryError;
use crate::ConsistencyToken;

/// How often is looked at a view that another process runs, and at a lease that may have expired.
const LOOK: Duration = Duration::from_millis(50);

/// What a query waits for, and how.
pub(super) struct Wait<'h> {
    pub(super) token: Option<ConsistencyToken>,
    pub(super) until: Instant,
    /// Each that waits takes one.
    pub(super) places: &'h Semaphore,
}

impl Wait<'_> {
    /// The version of a view that is to be read, once it has reached the token.
    pub(super) async fn reached(
        self,
        store: &impl ViewStore,
        name: &str,
        version: Option<u32>,
    ) -> Result<VersionState, QueryError> {
        let mut changed = store.changed();
        let mut place = None;
        loop {
            changed.mark_unchanged();
            let versions = store.versions(name).await?;
            let version = version.or(versions.active);
            let state = version.and_then(|version| versions.get(version));
            let Some(state) = state.cloned() else {
                return Err(QueryError::Unknown { name: name.into() });
            };
            let Some(wanted) = behind(&state, self.token)? else {
                return Ok(state);
            };
            let actual = state.checkpoint.position;
            let view = state.view;
            if !state.running {
                let why = state.why.as_ref().map(Arc::clone);
                return Err(QueryError::Stopped { view, actual, why });
            }
            let now = Instant::now();
            place = place.or_else(|| self.places.try_acquire().ok());
            if now >= self.until || place.is_none() {
                return Err(QueryError::Behind {
                    view,
                    wanted: wanted.position,
                    actual,
                });
            }
            // Whatever came of it, the next look tells.
            let _ = timeout_at(self.until.min(now + LOOK), changed.changed()).await;
        }
    }
}

/// The token, if the view has not reached it.
fn behind(
    state: &VersionState,
    token: Option<ConsistencyToken>,
) -> Result<Option<ConsistencyToken>, QueryError> {
    let Some(token) = token else {
        return Ok(None);
    };
    let store = state.checkpoint.store;
    if store != token.store {
        let view = state.view.clone();
        return Err(QueryError::OtherStore { view, store });
    }
    Ok((state.checkpoint.position < token.position).then_some(token))
}
