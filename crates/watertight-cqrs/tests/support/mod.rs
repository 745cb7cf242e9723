//! A bank account, and a store that fails on demand.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use watertight_cqrs::{CommandHandler, CommandRequest, Decider, Event};
use watertight_events::{
    EventStore, Filter, Key, MemoryStore, Page, Position, ReadError, Recorded, StoreId, StreamId,
    StreamPage, Version, Write, WriteError, Written,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Bank;

#[derive(Clone, Debug, Serialize)]
pub(crate) enum Command {
    Open {
        account: &'static str,
    },
    Deposit {
        account: &'static str,
        amount: u64,
    },
    Withdraw {
        account: &'static str,
        amount: u64,
    },
    /// Accepted, without anything to record.
    Look {
        account: &'static str,
    },
    Panic {
        account: &'static str,
    },
    /// Records something that makes `evolve` panic.
    Explode {
        account: &'static str,
    },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Opened,
    Deposited { amount: u64 },
    Withdrawn { amount: u64 },
    Fee(u64),
    Exploded,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum No {
    #[error("there is such an account")]
    Exists,
    #[error("there is no such account")]
    Missing,
    #[error("only {0} is left")]
    Poor(u64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    open: bool,
    balance: u64,
}

impl Event for Happened {}

impl Decider for Bank {
    type Command = Command;
    type Event = Happened;
    type State = Account;
    type Rejection = No;
    const CATEGORY: &'static str = "account";

    fn stream_id(command: &Command) -> StreamId {
        let (Command::Open { account }
        | Command::Deposit { account, .. }
        | Command::Withdraw { account, .. }
        | Command::Look { account }
        | Command::Panic { account }
        | Command::Explode { account }) = command;
        StreamId::new(Self::CATEGORY, account)
    }

    fn decide(&self, state: &Account, command: &Command) -> Result<Vec<Happened>, No> {
        match *command {
            Command::Panic { .. } => panic!("as asked"),
            Command::Explode { .. } => Ok(vec![Happened::Exploded]),
            Command::Open { .. } if state.open => Err(No::Exists),
            Command::Open { .. } => Ok(vec![Happened::Opened]),
            _ if !state.open => Err(No::Missing),
            Command::Look { .. } => Ok(vec![]),
            Command::Deposit { amount, .. } => Ok(vec![Happened::Deposited { amount }]),
            Command::Withdraw { amount, .. } if amount >= state.balance => {
                Err(No::Poor(state.balance))
            }
            Command::Withdraw { amount, .. } => {
                Ok(vec![Happened::Withdrawn { amount }, Happened::Fee(1)])
            }
        }
    }

    fn evolve(state: Account, event: &Happened) -> Account {
        let balance = match event {
            Happened::Opened => 0,
            Happened::Deposited { amount } => state.balance + amount,
            Happened::Withdrawn { amount } | Happened::Fee(amount) => state.balance - amount,
            Happened::Exploded => panic!("as asked"),
        };
        Account {
            open: true,
            balance,
        }
    }
}

pub(crate) type Handler<S = Stubborn> = CommandHandler<Bank, S>;

pub(crate) fn open(account: &'static str) -> CommandRequest<Command> {
    CommandRequest::new(Command::Open { account })
}

pub(crate) fn deposit(account: &'static str, amount: u64) -> CommandRequest<Command> {
    CommandRequest::new(Command::Deposit { account, amount })
}

pub(crate) fn withdraw(account: &'static str, amount: u64) -> CommandRequest<Command> {
    CommandRequest::new(Command::Withdraw { account, amount })
}

/// Everything that is in a store.
pub(crate) async fn everything(store: &impl EventStore) -> Vec<Recorded> {
    let page = store
        .read_all(Position::START, &Filter::all(), 100_000)
        .await;
    page.unwrap().events
}

/// A store in memory whose writes can be held back, and fail.
#[derive(Clone, Debug)]
pub(crate) struct Stubborn {
    pub(crate) store: MemoryStore,
    /// Writes that may go on.
    pub(crate) go: Arc<Semaphore>,
    /// What happens to the next writes, the first one last.
    pub(crate) faults: Arc<Mutex<Vec<Fault>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing is written.
    Before,
    /// It is written, and nobody knows.
    After,
    /// Nothing is written, and trying again does not help.
    Broken,
    /// The queue is full.
    Full,
    /// None: the write goes through.
    Not,
}

impl Stubborn {
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            go: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            faults: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Every write waits from now on, in its order.
    pub(crate) fn hold(&self) {
        self.go.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.go.add_permits(1_000_000);
    }

    /// Waits until a write is held back.
    pub(crate) async fn until_held(&self) {
        while self.turn.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults.iter().rev());
    }
}

impl EventStore for Stubborn {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let _turn = self.turn.lock().await;
        self.go.acquire().await.unwrap().forget();
        let fault = self.faults.lock().unwrap().pop();
        match fault {
            Some(Fault::Before) => Err(WriteError::store(true, "as asked")),
            Some(Fault::Broken) => Err(WriteError::store(false, "as asked")),
            Some(Fault::Full) => Err(WriteError::Overloaded),
            Some(Fault::After) => {
                self.store.write(write).await?;
                Err(WriteError::Unknown)
            }
            Some(Fault::Not) | None => self.store.write(write).await,
        }
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.store.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.store.read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        self.store.read_all(after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.store.head()
    }
}
