use anyhow::anyhow;
use tower::ServiceExt;
use uuid::Uuid;
use watertight_benches::events::{Outcome, Subject};
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest};
use watertight_events::{EventStore, Version};

use crate::domain::{Accounts, Command, stream};

/// A store behind a command handler, as users have it.
pub(crate) struct Handled<S>(CommandHandler<Accounts, S>);

impl<S: EventStore> Handled<S> {
    pub(crate) fn new(store: &S) -> Self {
        Self(CommandHandler::new(Accounts, store.clone()))
    }

    async fn send(&self, command: Command) -> anyhow::Result<Outcome> {
        let request = CommandRequest::new(command);
        match self.0.clone().oneshot(request).await {
            Ok(_) => Ok(Outcome::Done),
            Err(CommandError::Conflict { .. }) => Ok(Outcome::Conflict),
            Err(error) => Err(anyhow!("{error}")),
        }
    }
}

impl<S> Clone for Handled<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: EventStore> Subject for Handled<S> {
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(Command::Open { account: id }).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        let (account, amount) = (id, 10);
        self.send(Command::Deposit { account, amount }).await
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        let page = self
            .0
            .store()
            .read_stream(&stream(id), Version::NONE, 1)
            .await?;
        Ok(page.version.0)
    }

    fn cold(&self) -> Self {
        Self::new(self.0.store())
    }
}
