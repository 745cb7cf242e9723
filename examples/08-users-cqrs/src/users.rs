//! The domain: what may happen to a user. Pure, and without a word about stores or HTTP.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Event};
use watertight_events::StreamId;

/// The decider of users.
#[derive(Clone, Copy, Debug)]
pub struct Users;

/// What is asked of a user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserCommand {
    /// There is a new one.
    Create {
        /// The name in the stream.
        id: String,
        /// Where mail goes.
        email: String,
    },
    /// Mail goes elsewhere.
    ChangeEmail {
        /// The name in the stream.
        id: String,
        /// Where mail goes from now on.
        email: String,
    },
}

/// What has happened to a user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserEvent {
    /// There is a new one.
    UserCreated {
        /// Where mail goes.
        email: String,
    },
    /// Mail goes elsewhere.
    EmailChanged {
        /// Where mail goes from now on.
        email: String,
    },
}

/// Why not.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum No {
    /// A user is created once.
    #[error("there is such a user already")]
    Exists,
    /// Nobody has this id.
    #[error("there is no such user")]
    Missing,
    /// It has no `@`.
    #[error("that is no e-mail address")]
    Malformed,
}

/// A user, who is there once there is an address.
#[derive(Clone, Debug, Default)]
pub struct User {
    email: Option<String>,
}

impl Event for UserEvent {}

impl UserEvent {
    /// Where mail goes after it.
    #[must_use]
    pub fn email(&self) -> &str {
        let (Self::UserCreated { email } | Self::EmailChanged { email }) = self;
        email
    }
}

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
        User {
            email: Some(event.email().to_owned()),
        }
    }
}
