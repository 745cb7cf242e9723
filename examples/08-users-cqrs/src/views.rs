//! The read models: pure folds of the events, kept up to date by projections.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Fact, View};
use watertight_events::Version;

use crate::{UserEvent, Users};

/// A document per user, found by the domain of the address.
#[derive(Clone, Copy, Debug)]
pub struct Profiles;

/// A user as others see one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Profile {
    /// The name in the stream.
    pub id: String,
    /// Where mail goes.
    pub email: String,
    /// The version of the stream, for a command that must not miss a change.
    pub version: Version,
}

/// A document per user, and one for all of them together.
#[derive(Clone, Copy, Debug)]
pub struct Activities;

/// How much has happened.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Activity {
    /// Users that were created.
    pub created: u64,
    /// Addresses that were changed.
    pub changes: u64,
}

/// The key of the document for all users; those of one user have a word in front.
pub(crate) const EVERYBODY: &str = "*";

impl View for Profiles {
    type Event = UserEvent;
    type Document = Profile;
    const NAME: &'static str = "profiles";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Users::CATEGORY];

    fn keys(fact: &Fact<UserEvent>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(id: &str, _: Option<Profile>, fact: &Fact<UserEvent>) -> Option<Profile> {
        Some(Profile {
            id: id.to_owned(),
            email: fact.event.email().to_owned(),
            version: fact.version,
        })
    }

    fn index(profile: &Profile) -> Vec<(&'static str, String)> {
        let domain = profile.email.rsplit('@').next();
        vec![("domain", domain.unwrap_or_default().to_owned())]
    }
}

impl View for Activities {
    type Event = UserEvent;
    type Document = Activity;
    const NAME: &'static str = "activities";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Users::CATEGORY];

    fn keys(fact: &Fact<UserEvent>) -> Vec<String> {
        vec![format!("user {}", fact.stream.key()), EVERYBODY.to_owned()]
    }

    fn apply(_: &str, before: Option<Activity>, fact: &Fact<UserEvent>) -> Option<Activity> {
        let mut activity = before.unwrap_or_default();
        match fact.event {
            UserEvent::UserCreated { .. } => activity.created += 1,
            UserEvent::EmailChanged { .. } => activity.changes += 1,
        }
        Some(activity)
    }
}
