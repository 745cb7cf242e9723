use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use watertight_cqrs::{Event, View};
use watertight_events::{EventStore, Filter, Find, PAGE, Position, ViewStore};

use super::{
    customers::CustomerEvent,
    profiles::{Profile, Profiles, ProfilesByDomain},
};

/// What the events say of the customers, and what the read model makes of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PeopleAudit {
    /// Whether the read model in use was built anew.
    pub(crate) rebuilt: bool,
    /// How many profiles it has.
    pub(crate) profiles: usize,
    /// Profiles that are not what the events come to: others, missing, or of nobody.
    pub(crate) wrong: usize,
    /// Confirmed orders that are not recorded exactly once.
    pub(crate) not_once: usize,
}

/// Everything that has ever happened to the customers, told anew.
#[derive(Debug, Default)]
struct Told {
    profiles: BTreeMap<String, Profile>,
    checkouts: HashMap<u64, usize>,
}

/// Holds the read model against the events, which are read and added up here by themselves.
pub(super) async fn audit(
    events: &impl EventStore,
    views: &impl ViewStore,
    confirmed: &[u64],
) -> Result<PeopleAudit> {
    let told = told(events).await?;
    let versions = views.versions(Profiles::NAME).await?;
    let active = versions.active().context("no version is read")?;
    let mut shown = BTreeMap::new();
    let mut find = Find::all();
    loop {
        let found = views.find(&active.view, &find).await?;
        for document in found.documents {
            find = find.after(&document.key);
            let profile: Profile = serde_json::from_slice(&document.body)?;
            shown.insert(document.key, profile);
        }
        if !found.more {
            break;
        }
    }
    let wrong = told.profiles.iter();
    let wrong = wrong.filter(|(customer, profile)| shown.get(*customer) != Some(profile));
    let too_many = shown.keys().filter(|it| !told.profiles.contains_key(*it));
    let not_once = confirmed
        .iter()
        .filter(|order| told.checkouts.get(order) != Some(&1));
    Ok(PeopleAudit {
        rebuilt: active.view == ProfilesByDomain::id(),
        profiles: shown.len(),
        wrong: wrong.count() + too_many.count(),
        not_once: not_once.count(),
    })
}

async fn told(events: &impl EventStore) -> Result<Told> {
    let (mut told, mut after) = (Told::default(), Position::START);
    loop {
        let page = events.read_all(after, &Filter::all(), PAGE).await?;
        for recorded in page.events {
            let event = CustomerEvent::decode(&recorded.event.kind, &recorded.event.payload)?;
            let customer = recorded.stream.key().to_owned();
            let profile = told.profiles.entry(customer).or_default();
            match event {
                CustomerEvent::SignedUp { email } | CustomerEvent::Moved { email } => {
                    profile.email = email;
                }
                CustomerEvent::CheckedOut { order } => {
                    profile.checkouts += 1;
                    *told.checkouts.entry(order).or_default() += 1;
                }
            }
        }
        if page.at_head {
            return Ok(told);
        }
        after = page.scanned_to;
    }
}
