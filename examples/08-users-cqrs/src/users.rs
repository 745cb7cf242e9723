//! The domain: what may happen to a user. Pure, and without a word about stores or HTTP.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Event};
use watertight_events::StreamId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Users;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserCommand {
    Create { id: String, email: String },
    ChangeEmail { id: String, email: String },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserEvent {
    UserCreated { email: String },
    EmailChanged { email: String },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum No {
    #[error("there is such a user already")]
    Exists,
    #[error("there is no such user")]
    Missing,
    #[error("that is no e-mail address")]
    Malformed,
}

/// A user, who is there once there is an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    email: Option<String>,
}

impl Event for UserEvent {}

impl Decider for Users {
    type Command = UserCommand;
    type Event = UserEvent;
    type State = User;
    type Rejection = No;
    const CATEGORY: &'static str = "user";

    fn stream_id(command: &UserCommand) -> StreamId {
        let (UserCommand::Create { id, .. } | UserCommand::ChangeEmail { id, .. }) = command;
        StreamId::new(Self::CATEGORY, id)
    }

    fn decide(&self, user: &User, command: &UserCommand) -> Result<Vec<UserEvent>, No> {
        let (UserCommand::Create { email, .. } | UserCommand::ChangeEmail { email, .. }) = command;
        if !email.contains('@') {
            return Err(No::Malformed);
        }
        let new = email.clone();
        match (command, &user.email) {
            (UserCommand::Create { .. }, Some(_)) => Err(No::Exists),
            (UserCommand::Create { .. }, None) => Ok(vec![UserEvent::UserCreated { email: new }]),
            (UserCommand::ChangeEmail { .. }, None) => Err(No::Missing),
            (UserCommand::ChangeEmail { .. }, Some(old)) if old == email => Ok(vec![]),
            (UserCommand::ChangeEmail { .. }, Some(_)) => {
                Ok(vec![UserEvent::EmailChanged { email: new }])
            }
        }
    }

    fn evolve(_: User, event: &UserEvent) -> User {
        let (UserEvent::UserCreated { email } | UserEvent::EmailChanged { email }) = event;
        User {
            email: Some(email.clone()),
        }
    }
}
