//! The service: a bus of commands, a bus of queries, and what keeps the read models up to date in between.

use anyhow::Result;
use watertight_cqrs::{
    CommandBus, CommandHandler, Projection, ProjectionHandle, QueryBus, QueryHandler,
};
use watertight_events::{EventStore, ViewStore};

use crate::{Activities, ByDomain, OneUser, Profiles, Summary, Users};

/// Commands and queries of users.
#[derive(Clone, Debug)]
pub struct Service {
    /// What changes users.
    pub commands: CommandBus,
    /// What looks at them.
    pub queries: QueryBus,
    /// What keeps the read models up to date.
    pub views: Views,
}

/// The read models, which run in tasks of their own.
#[derive(Clone, Debug)]
pub struct Views {
    /// Users by their id and their domain.
    pub profiles: ProjectionHandle,
    /// How much has happened.
    pub activities: ProjectionHandle,
}

impl Service {
    /// Starts the service on a store of events and a store of views, which may be the same.
    ///
    /// # Errors
    ///
    /// Something is registered twice.
    pub async fn start<E, V>(events: E, views: V) -> Result<Self>
    where
        E: EventStore,
        V: ViewStore,
    {
        let commands = CommandHandler::new(Users, events.clone());
        let commands = CommandBus::builder().named::<Users, _>("users", commands);
        let queries = QueryBus::builder()
            .named::<OneUser, _>("user", QueryHandler::new(OneUser, views.clone()))
            .named::<ByDomain, _>("by-domain", QueryHandler::new(ByDomain, views.clone()))
            .named::<Summary, _>("summary", QueryHandler::new(Summary, views.clone()));
        Ok(Self {
            commands: commands.build()?,
            queries: queries.build()?,
            views: Views::run(events, views).await,
        })
    }
}

impl Views {
    /// Runs the projections, and waits until they have begun.
    pub async fn run<E: EventStore, V: ViewStore>(events: E, views: V) -> Self {
        let profiles = Projection::<Profiles, E, V>::new(events.clone(), views.clone());
        let activities = Projection::<Activities, E, V>::new(events, views);
        let handles = Self {
            profiles: profiles.handle(),
            activities: activities.handle(),
        };
        tokio::spawn(profiles.run());
        tokio::spawn(activities.run());
        for handle in [&handles.profiles, &handles.activities] {
            handle.until(|view| view.state.is_healthy()).await;
        }
        handles
    }

    /// Ends the projections, which gives their leases back; else nobody could take over before they expire.
    pub async fn stop(&self) {
        for handle in [&self.profiles, &self.activities] {
            handle.stop();
            handle.until(|view| view.state.has_ended()).await;
        }
    }
}
