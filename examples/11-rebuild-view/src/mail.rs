//! Mails that were sent, and how many went to each domain: with a mistake, and mended.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Event, Fact, Lookup, QueryError, View, ViewReader};
use watertight_events::ViewStore;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mail {
    Sent { to: String },
}

impl Event for Mail {}

/// How many mails went to each domain. The first version takes `B.EXAMPLE` for another domain than `b.example`.
pub(crate) struct PerDomain<const VERSION: u32>;

impl<const VERSION: u32> View for PerDomain<VERSION> {
    type Event = Mail;
    type Document = u64;
    const NAME: &'static str = "per-domain";
    const VERSION: u32 = VERSION;
    const CATEGORIES: &'static [&'static str] = &["mailbox"];

    fn keys(fact: &Fact<Mail>) -> Vec<String> {
        let Mail::Sent { to } = &fact.event;
        let domain = to.rsplit('@').next().unwrap_or_default();
        vec![if VERSION == 1 {
            domain.to_owned()
        } else {
            domain.to_lowercase()
        }]
    }

    fn apply(_: &str, mails: Option<u64>, _: &Fact<Mail>) -> Option<u64> {
        Some(mails.unwrap_or_default() + 1)
    }
}

/// How many mails went to a domain, by whichever version is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HowMany;

impl Lookup for HowMany {
    // Both versions have documents of the same type.
    type View = PerDomain<1>;
    type Query = String;
    type Output = u64;

    async fn answer<S: ViewStore>(
        &self,
        domain: &String,
        mails: &ViewReader<PerDomain<1>, S>,
    ) -> Result<u64, QueryError> {
        Ok(mails.get(domain).await?.unwrap_or_default())
    }
}
