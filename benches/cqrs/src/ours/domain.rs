//! Accounts, and a view of what is on them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watertight_cqrs::{Decider, Event, Fact, View};
use watertight_events::StreamId;

pub(crate) struct Accounts;

pub(crate) enum Command {
    Open { account: Uuid },
    Deposit { account: Uuid, amount: u64 },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Booked {
    Opened { owner: String },
    Deposited { amount: u64 },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the account is there already")]
    Taken,
    #[error("there is no such account")]
    Missing,
}

impl Event for Booked {}

impl Booked {
    pub(crate) fn opened() -> Self {
        let owner = "ada.lovelace@engines.example".to_owned();
        Self::Opened { owner }
    }
}

impl Decider for Accounts {
    type Command = Command;
    type Event = Booked;
    type State = Option<u64>;
    type Rejection = Refused;
    const CATEGORY: &'static str = "account";

    fn stream_id(command: &Command) -> StreamId {
        let (Command::Open { account } | Command::Deposit { account, .. }) = command;
        stream(*account)
    }

    fn decide(&self, balance: &Option<u64>, command: &Command) -> Result<Vec<Booked>, Refused> {
        match (command, balance) {
            (Command::Open { .. }, Some(_)) => Err(Refused::Taken),
            (Command::Open { .. }, None) => Ok(vec![Booked::opened()]),
            (Command::Deposit { .. }, None) => Err(Refused::Missing),
            (Command::Deposit { amount, .. }, Some(_)) => {
                Ok(vec![Booked::Deposited { amount: *amount }])
            }
        }
    }

    fn evolve(balance: Option<u64>, event: &Booked) -> Option<u64> {
        match event {
            Booked::Opened { .. } => Some(0),
            Booked::Deposited { amount } => Some(balance.unwrap_or_default() + amount),
        }
    }
}

pub(crate) fn stream(account: Uuid) -> StreamId {
    StreamId::new(Accounts::CATEGORY, account)
}

/// What is on the accounts, found by the owner's domain.
pub(crate) struct Balances;

#[derive(Deserialize, Serialize)]
pub(crate) struct Balance {
    owner: String,
    balance: u64,
}

impl View for Balances {
    type Event = Booked;
    type Document = Balance;
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Accounts::CATEGORY];

    fn keys(fact: &Fact<Booked>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, document: Option<Balance>, fact: &Fact<Booked>) -> Option<Balance> {
        match &fact.event {
            Booked::Opened { owner } => Some(Balance {
                owner: owner.clone(),
                balance: 0,
            }),
            Booked::Deposited { amount } => document.map(|it| Balance {
                balance: it.balance + amount,
                ..it
            }),
        }
    }

    fn index(document: &Balance) -> Vec<(&'static str, String)> {
        let domain = document.owner.split('@').next_back();
        vec![("domain", domain.unwrap_or_default().to_owned())]
    }
}
