use serde::{Deserialize, Serialize};
use watertight_cqrs::{Fact, Lookup, QueryError, View, ViewReader};
use watertight_events::ViewStore;

use super::customers::CustomerEvent;

/// What is shown of each customer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Profile {
    pub(super) email: String,
    pub(super) checkouts: u64,
}

/// The profiles by customer.
#[derive(Debug)]
pub(super) struct Profiles;

/// The same, found by the domain of the address too.
#[derive(Debug)]
pub(super) struct ProfilesByDomain;

/// Asks for one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProfileOf;

impl View for Profiles {
    type Event = CustomerEvent;
    type Document = Profile;
    const NAME: &'static str = "profiles";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<CustomerEvent>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, profile: Option<Profile>, fact: &Fact<CustomerEvent>) -> Option<Profile> {
        let mut profile = profile.unwrap_or_default();
        match &fact.event {
            CustomerEvent::SignedUp { email } | CustomerEvent::Moved { email } => {
                profile.email.clone_from(email);
            }
            CustomerEvent::CheckedOut { .. } => profile.checkouts += 1,
        }
        Some(profile)
    }
}

impl View for ProfilesByDomain {
    type Event = CustomerEvent;
    type Document = Profile;
    const NAME: &'static str = Profiles::NAME;
    const VERSION: u32 = 2;

    fn keys(fact: &Fact<CustomerEvent>) -> Vec<String> {
        Profiles::keys(fact)
    }

    fn apply(key: &str, profile: Option<Profile>, fact: &Fact<CustomerEvent>) -> Option<Profile> {
        Profiles::apply(key, profile, fact)
    }

    fn index(profile: &Profile) -> Vec<(&'static str, String)> {
        let domain = profile.email.split('@').next_back();
        vec![("domain", domain.unwrap_or_default().to_owned())]
    }
}

impl Lookup for ProfileOf {
    type View = Profiles;
    type Query = String;
    type Output = Option<Profile>;

    async fn answer<S: ViewStore>(
        &self,
        customer: &String,
        profiles: &ViewReader<Profiles, S>,
    ) -> Result<Option<Profile>, QueryError> {
        profiles.get(customer).await
    }
}
