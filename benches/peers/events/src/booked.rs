use serde::{Deserialize, Serialize};

/// What happens to an account.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Booked {
    Opened { owner: String },
    Deposited { amount: u64 },
}

/// What is asked of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Open,
    Deposit(u64),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the account is there already")]
    Taken,
    #[error("there is no such account")]
    Missing,
}

pub(crate) const OWNER: &str = "ada.lovelace@engines.example";

/// What a command comes to.
pub(crate) fn decide(balance: Option<u64>, command: Command) -> Result<Booked, Refused> {
    match (command, balance) {
        (Command::Open, Some(_)) => Err(Refused::Taken),
        (Command::Open, None) => Ok(Booked::Opened {
            owner: OWNER.to_owned(),
        }),
        (Command::Deposit(_), None) => Err(Refused::Missing),
        (Command::Deposit(amount), Some(_)) => Ok(Booked::Deposited { amount }),
    }
}

/// The balance after an event.
pub(crate) fn evolve(balance: Option<u64>, event: &Booked) -> Option<u64> {
    match event {
        Booked::Opened { .. } => Some(0),
        Booked::Deposited { amount } => Some(balance.unwrap_or_default() + amount),
    }
}
