//! All the commands of a program in one place.

mod json;

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::{Service, ServiceExt, util::BoxCloneSyncService};
use watertight_core::{BuildError, Error};

use self::json::ByJson;
use crate::{CommandError, CommandFailure, CommandRequest, Committed, Decider};

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
pub struct CommandBus(Arc<Entries>);

/// Builds a [`CommandBus`].
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct CommandBusBuilder {
    entries: Entries,
    twice: Option<String>,
}

/// Why a bus did not answer with events.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError<R: std::error::Error + 'static> {
    /// Nobody has registered for it.
    #[error(transparent)]
    NoHandler(#[from] NoHandler),
    /// A layer refused, or the handler failed.
    #[error(transparent)]
    Failed(#[from] Error<CommandError<R>>),
}

/// Nobody has registered under this name, or for this decider.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("nobody handles the commands of `{name}`")]
#[non_exhaustive]
pub struct NoHandler {
    /// The name, or the decider's category.
    pub name: String,
}

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

#[derive(Default)]
struct Entries {
    /// A [`CommandsOf`] the decider.
    typed: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    named: HashMap<String, NamedCommands>,
}

impl CommandBus {
    /// Starts to build a bus.
    pub fn builder() -> CommandBusBuilder {
        CommandBusBuilder::default()
    }

    /// Sends a command to the service of its decider, and waits until that is ready.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the decider; or what the service says.
    pub async fn send<D: Decider>(
        &self,
        request: CommandRequest<D::Command>,
    ) -> Result<Committed<D::Event>, BusError<D::Rejection>> {
        Ok(self.commands_of::<D>()?.oneshot(request).await?)
    }

    /// The service of a decider's commands, such as for a route.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the decider.
    pub fn commands_of<D: Decider>(&self) -> Result<CommandsOf<D>, NoHandler> {
        let service = self.0.typed.get(&TypeId::of::<D>());
        let service = service.and_then(|service| service.downcast_ref::<CommandsOf<D>>());
        service.cloned().ok_or_else(|| NoHandler {
            name: D::CATEGORY.to_owned(),
        })
    }

    /// The service that has this name.
    ///
    /// # Errors
    ///
    /// Nobody has registered under the name.
    pub fn by_name(&self, name: &str) -> Result<NamedCommands, NoHandler> {
        let service = self.0.named.get(name);
        service.cloned().ok_or_else(|| NoHandler {
            name: name.to_owned(),
        })
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
            BoxCloneSyncService::new(service.map_err(CommandFailure::flatten));
        let before = self
            .entries
            .typed
            .insert(TypeId::of::<D>(), Box::new(service));
        if before.is_some() {
            self.twice.get_or_insert_with(|| D::CATEGORY.to_owned());
        }
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
        let name = name.into();
        let by_json = BoxCloneSyncService::new(ByJson::<D, S>::new(service.clone()));
        if self.entries.named.insert(name.clone(), by_json).is_some() {
            self.twice.get_or_insert(name);
        }
        self.register::<D, S>(service)
    }

    /// Builds the bus.
    ///
    /// # Errors
    ///
    /// A decider or a name was registered twice.
    pub fn build(self) -> Result<CommandBus, BuildError> {
        match self.twice {
            None => Ok(CommandBus(Arc::new(self.entries))),
            Some(name) => {
                let expected = "each decider and each name once";
                Err(BuildError::invalid(
                    "command bus",
                    "register",
                    name,
                    expected,
                ))
            }
        }
    }
}

impl fmt::Debug for CommandBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommandBusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandBus")
            .field("deciders", &self.typed.len())
            .field("names", &self.named.keys())
            .finish_non_exhaustive()
    }
}
