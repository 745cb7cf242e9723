//! The bank with a view of its accounts, behind routes on a real socket.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::MethodRouter};
use serde::{Deserialize, Serialize};
use tower::ServiceExt;
use watertight_cqrs::{
    CommandHandler, Fact, Fresh, Lookup, Projection, ProjectionHandle, QueryError, QueryHandler,
    View, ViewReader,
    http::{Answer as Told, command_route, query_route},
};
use watertight_events::{Find, MemoryStore, Version, ViewStore};

use crate::{
    support::{Happened, Stubborn},
    web::{Slip, Teller, Web},
};

/// A document per account.
pub(crate) struct Books;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sheet {
    balance: u64,
    version: Version,
}

/// The sheet of one account.
#[derive(Clone, Debug)]
pub(crate) struct OfAccount;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Of {
    account: String,
}

/// The accounts that have so much.
#[derive(Clone, Debug, Default)]
pub(crate) struct WhoHas {
    /// How often it was asked.
    pub(crate) asked: Arc<AtomicUsize>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Having {
    balance: u64,
    #[serde(default)]
    not: String,
}

impl View for Books {
    type Event = Happened;
    type Document = Sheet;
    const NAME: &'static str = "books";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<Happened>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, sheet: Option<Sheet>, fact: &Fact<Happened>) -> Option<Sheet> {
        let before = sheet.unwrap_or_default().balance;
        let balance = match fact.event {
            Happened::Deposited { amount } => before + amount,
            Happened::Withdrawn { amount } | Happened::Fee(amount) => before - amount,
            Happened::Opened | Happened::Exploded => before,
        };
        let version = fact.version;
        Some(Sheet { balance, version })
    }

    fn index(sheet: &Sheet) -> Vec<(&'static str, String)> {
        vec![("balance", sheet.balance.to_string())]
    }
}

impl Lookup for OfAccount {
    type View = Books;
    type Query = Of;
    type Output = Option<Sheet>;

    async fn answer<S: ViewStore>(
        &self,
        of: &Of,
        books: &ViewReader<Books, S>,
    ) -> Result<Option<Sheet>, QueryError> {
        books.get(&of.account).await
    }
}

impl Lookup for WhoHas {
    type View = Books;
    type Query = Having;
    type Output = Vec<String>;

    async fn answer<S: ViewStore>(
        &self,
        having: &Having,
        books: &ViewReader<Books, S>,
    ) -> Result<Vec<String>, QueryError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let find = Find::by("balance", having.balance.to_string());
        let found = books.find(&find).await?.documents.into_iter();
        let accounts = found.map(|(account, _)| account);
        Ok(accounts.filter(|it| *it != having.not).collect())
    }
}

/// The bank, and the store that everything is in.
pub(crate) struct Open {
    pub(crate) web: Web,
    pub(crate) store: MemoryStore,
}

/// A server with commands at `/`, and queries at `/accounts` and `/accounts/{account}`.
pub(crate) async fn serve() -> Open {
    let stubborn = Stubborn::new();
    let store = stubborn.store.clone();
    let commands = CommandHandler::new(Teller, stubborn);
    let app = Router::new()
        .route("/", command_route::<Slip>(commands))
        .route("/accounts", having(&store))
        .route("/accounts/{account}", of_account(&store));
    let web = Web::serve_app(app).await;
    Open { web, store }
}

/// The same with the view kept up to date.
pub(crate) async fn keep() -> (Open, ProjectionHandle) {
    let open = serve().await;
    let handle = run(&open.store).await;
    (open, handle)
}

/// Keeps the view up to date.
pub(crate) async fn run(store: &MemoryStore) -> ProjectionHandle {
    let books = Projection::<Books, _, _>::new(store.clone(), store.clone());
    let handle = books.handle();
    tokio::spawn(books.run());
    handle.until(|it| it.state.is_healthy()).await;
    handle
}

pub(crate) fn having(store: &MemoryStore) -> MethodRouter {
    query_route::<Having>(QueryHandler::new(WhoHas::default(), store.clone()))
}

pub(crate) fn of_account(store: &MemoryStore) -> MethodRouter {
    let handler = QueryHandler::new(OfAccount, store.clone());
    query_route::<Of>(handler.map_response(|fresh: Fresh<Option<Sheet>>| {
        let version = fresh.value.as_ref().map(|sheet| sheet.version);
        Told::found(fresh, "there is no such account").at(version)
    }))
}
