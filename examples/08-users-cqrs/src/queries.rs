//! What can be asked of the read models.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Lookup, QueryError, ViewReader};
use watertight_events::{Find, ViewStore};

use crate::{Activities, Activity, Profile, Profiles, views::EVERYBODY};

/// Profiles in one answer.
const PAGE: usize = 100;

/// Looks one user up.
#[derive(Clone, Copy, Debug)]
pub struct OneUser;

/// Which one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Id {
    /// The name in the stream.
    pub id: String,
}

/// Lists users by the domain of their address, a page at a time.
#[derive(Clone, Copy, Debug)]
pub struct ByDomain;

/// Which users.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Domain {
    /// What is behind the `@`.
    pub domain: String,
    /// The last id of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

/// Users in the order of their ids.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Page {
    /// The users.
    pub users: Vec<Profile>,
    /// Whether there are more after these.
    pub more: bool,
}

/// How much has happened to one user, or to all of them.
#[derive(Clone, Copy, Debug)]
pub struct Summary;

impl Lookup for OneUser {
    type View = Profiles;
    type Query = Id;
    type Output = Option<Profile>;

    async fn answer<S: ViewStore>(
        &self,
        which: &Id,
        profiles: &ViewReader<Profiles, S>,
    ) -> Result<Option<Profile>, QueryError> {
        profiles.get(&which.id).await
    }
}

impl Lookup for ByDomain {
    type View = Profiles;
    type Query = Domain;
    type Output = Page;

    async fn answer<S: ViewStore>(
        &self,
        which: &Domain,
        profiles: &ViewReader<Profiles, S>,
    ) -> Result<Page, QueryError> {
        let mut find = Find::by("domain", which.domain.as_str()).limit(PAGE);
        find.after.clone_from(&which.after);
        let found = profiles.find(&find).await?;
        let users = found.documents.into_iter().map(|(_, profile)| profile);
        Ok(Page {
            users: users.collect(),
            more: found.more,
        })
    }
}

impl Lookup for Summary {
    type View = Activities;
    type Query = Option<String>;
    type Output = Activity;

    async fn answer<S: ViewStore>(
        &self,
        user: &Option<String>,
        activities: &ViewReader<Activities, S>,
    ) -> Result<Activity, QueryError> {
        let key = match user {
            Some(id) => format!("user {id}"),
            None => EVERYBODY.to_owned(),
        };
        Ok(activities.get(&key).await?.unwrap_or_default())
    }
}
