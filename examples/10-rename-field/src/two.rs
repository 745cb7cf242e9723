//! Version two of the program. It says `email`, and knows that it was called `mail`.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use watertight_cqrs::{Decider, Event, Fact, Upcasters, View};
use watertight_events::StreamId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Users;

#[derive(Clone, Debug)]
pub(crate) struct ChangeEmail {
    pub(crate) email: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserEvent {
    EmailChanged { email: String },
}

impl Event for UserEvent {
    fn upcasters() -> &'static Upcasters {
        static UPCASTERS: Upcasters = Upcasters::new(|steps| {
            steps.reshape("email_changed", 1, |mut fields: Map<String, Value>| {
                if let Some(mail) = fields.remove("mail") {
                    fields.insert("email".to_owned(), mail);
                }
                fields
            })
        });
        &UPCASTERS
    }
}

impl Decider for Users {
    type Command = ChangeEmail;
    type Event = UserEvent;
    type State = Option<String>;
    type Rejection = Infallible;
    const CATEGORY: &'static str = "user";

    fn stream_id(_: &ChangeEmail) -> StreamId {
        StreamId::new(Self::CATEGORY, "ann")
    }

    fn decide(
        &self,
        email: &Option<String>,
        command: &ChangeEmail,
    ) -> Result<Vec<UserEvent>, Infallible> {
        if email.as_ref() == Some(&command.email) {
            return Ok(vec![]);
        }
        let email = command.email.clone();
        Ok(vec![UserEvent::EmailChanged { email }])
    }

    fn evolve(_: Option<String>, UserEvent::EmailChanged { email }: &UserEvent) -> Option<String> {
        Some(email.clone())
    }
}

/// Every address that a user has had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses;

impl View for Addresses {
    type Event = UserEvent;
    type Document = Vec<String>;
    const NAME: &'static str = "addresses";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<UserEvent>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(
        _: &str,
        addresses: Option<Vec<String>>,
        fact: &Fact<UserEvent>,
    ) -> Option<Vec<String>> {
        let UserEvent::EmailChanged { email } = &fact.event;
        let mut addresses = addresses.unwrap_or_default();
        addresses.push(email.clone());
        Some(addresses)
    }
}

#[cfg(test)]
mod tests {
    use watertight_cqrs::Upcasters;
    use watertight_events::NewEvent;
    use watertight_testing::cqrs::{decider, view};

    use super::{Addresses, ChangeEmail, UserEvent, Users};

    fn of_version_one() -> NewEvent {
        NewEvent::new("email_changed", r#"{"mail":"ann@old.example"}"#)
    }

    #[test]
    fn the_upcasters_fit_together() {
        assert_eq!(Upcasters::check::<UserEvent>(), Ok(()));
    }

    #[test]
    fn the_address_of_version_one_is_known() {
        let email = "ann@old.example".to_owned();
        decider(Users)
            .given_stored([of_version_one()])
            .when(ChangeEmail { email })
            .then_nothing();
    }

    #[test]
    fn the_view_has_the_address_of_version_one() {
        view::<Addresses>()
            .given_stored("user-ann", [of_version_one()])
            .then([("ann", vec!["ann@old.example".to_owned()])]);
    }
}
