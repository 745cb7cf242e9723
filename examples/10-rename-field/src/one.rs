//! Version one of the program. It says `mail`.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Event};
use watertight_events::StreamId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Users;

#[derive(Clone, Debug)]
pub(crate) struct ChangeMail {
    pub(crate) mail: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserEvent {
    EmailChanged { mail: String },
}

impl Event for UserEvent {}

impl Decider for Users {
    type Command = ChangeMail;
    type Event = UserEvent;
    type State = Option<String>;
    type Rejection = Infallible;
    const CATEGORY: &'static str = "user";

    fn stream_id(_: &ChangeMail) -> StreamId {
        StreamId::new(Self::CATEGORY, "ann")
    }

    fn decide(
        &self,
        _: &Option<String>,
        command: &ChangeMail,
    ) -> Result<Vec<UserEvent>, Infallible> {
        let mail = command.mail.clone();
        Ok(vec![UserEvent::EmailChanged { mail }])
    }

    fn evolve(_: Option<String>, UserEvent::EmailChanged { mail }: &UserEvent) -> Option<String> {
        Some(mail.clone())
    }
}
