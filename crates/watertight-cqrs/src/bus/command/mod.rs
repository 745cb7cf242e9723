mod json;

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::{Service, ServiceExt, util::BoxCloneSyncService};
use watertight_core::{BuildError, Error};

use super::{BusError, NoHandler, entries::Entries, json::ByJson};
use crate::{CommandError, CommandFailure, CommandRequest, Committed, Decider, HandlerFailure};

/// The service of a decider's commands, whatever layers there are around its handler.
pub type CommandsOf<D> = BoxCloneSyncService<
    CommandRequest<<D as Decider>::Command>,
    Committed<<D as Decider>::Event>,
    Error<CommandError<<D as Decider>::Rejection>>,
>;

/// A service of commands that are known as JSON only; so are its events, and its rejections as text.
pub type NamedCommands =
    BoxCloneSyncService<CommandRequest<Value>, Committed<Value>, Error<CommandError<Told>>>;

/// All the commands of a program in one place: by their decider, or by a name.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use watertight_events::{MemoryStore, StreamId};
/// # use watertight_cqrs::{CommandHandler, Decider};
/// use serde_json::json;
/// use tower::ServiceExt;
/// use watertight_cqrs::{CommandBus, CommandRequest};
/// # struct Doors;
/// # #[derive(Deserialize, Serialize)]
/// # struct Open { door: u32 }
/// # #[derive(Debug, Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl watertight_cqrs::Event for Door {}
/// # impl Decider for Doors {
/// #     type Command = Open;
/// #     type Event = Door;
/// #     type State = bool;
/// #     type Rejection = std::fmt::Error;
/// #     const CATEGORY: &'static str = "door";
/// #     fn stream_id(open: &Open) -> StreamId { StreamId::new("door", open.door) }
/// #     fn decide(&self, open: &bool, _: &Open) -> Result<Vec<Door>, std::fmt::Error> {
/// #         if *open { Err(std::fmt::Error) } else { Ok(vec![Door::Opened]) }
/// #     }
/// #     fn evolve(_: bool, _: &Door) -> bool { true }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let handler = CommandHandler::new(Doors, MemoryStore::new());
/// let bus = CommandBus::builder().named::<Doors, _>("doors", handler).build()?;
/// bus.send::<Doors>(CommandRequest::new(Open { door: 1 })).await?;
///
/// let opened = bus.by_name("doors")?.oneshot(CommandRequest::new(json!({ "door": 2 }))).await?;
/// assert_eq!(opened.events, ["Opened"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Clone
///
/// Clones are cheap and the same bus.
#[derive(Clone)]
pub struct CommandBus(Arc<Entries<NamedCommands>>);

/// Builds a [`CommandBus`].
#[must_use = "a builder does nothing until `build`"]
pub struct CommandBusBuilder(Entries<NamedCommands>);

/// What was wrong with a command, as text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Told {
    /// The JSON is no such command.
    #[error("no such command: {0}")]
    NoCommand(String),
    /// The decider turned it down.
    #[error("{0}")]
    Rejected(String),
}

impl CommandBus {
    /// Starts to build a bus.
    pub fn builder() -> CommandBusBuilder {
        CommandBusBuilder(Entries::new("commands"))
    }

    /// Sends a command to the service of its decider, and waits until that is ready.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the decider; or what the service says.
    pub async fn send<D: Decider>(
        &self,
        request: CommandRequest<D::Command>,
    ) -> Result<Committed<D::Event>, BusError<CommandError<D::Rejection>>> {
        Ok(self.commands_of::<D>()?.oneshot(request).await?)
    }

    /// The service of a decider's commands, such as for a route.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the decider.
    pub fn commands_of<D: Decider>(&self) -> Result<CommandsOf<D>, NoHandler> {
        self.0.typed::<D, _>(D::CATEGORY)
    }

    /// The service that has this name.
    ///
    /// # Errors
    ///
    /// Nobody has registered under the name.
    pub fn by_name(&self, name: &str) -> Result<NamedCommands, NoHandler> {
        self.0.named(name)
    }
}

impl CommandBusBuilder {
    /// Registers the service of a decider's commands.
    pub fn register<D, S>(mut self, service: S) -> Self
    where
        D: Decider,
        S: Service<CommandRequest<D::Command>, Response = Committed<D::Event>>,
        S: Clone + Send + Sync + 'static,
        S::Error: CommandFailure<Rejection = D::Rejection>,
        S::Future: Send + 'static,
    {
        let service: CommandsOf<D> =
            BoxCloneSyncService::new(service.map_err(HandlerFailure::flatten));
        self.0.add::<D>(D::CATEGORY, service);
        self
    }

    /// Registers the service of a decider's commands, also under a name.
    pub fn named<D, S>(mut self, name: impl Into<String>, service: S) -> Self
    where
        D: Decider<Command: DeserializeOwned + Serialize>,
        S: Service<CommandRequest<D::Command>, Response = Committed<D::Event>>,
        S: Clone + Send + Sync + 'static,
        S::Error: CommandFailure<Rejection = D::Rejection>,
        S::Future: Send + 'static,
    {
        let by_json = ByJson::<D, S>::new(service.clone());
        self.0
            .add_named(name.into(), BoxCloneSyncService::new(by_json));
        self.register::<D, S>(service)
    }

    /// Builds the bus.
    ///
    /// # Errors
    ///
    /// A decider or a name was registered twice.
    pub fn build(self) -> Result<CommandBus, BuildError> {
        let entries = self
            .0
            .build("command bus", "each decider and each name once")?;
        Ok(CommandBus(Arc::new(entries)))
    }
}

impl fmt::Debug for CommandBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommandBusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
