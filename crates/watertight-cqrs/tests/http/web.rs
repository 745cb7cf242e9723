//! The bank behind a route on a real socket, and a client of it.

use axum::{Router, extract::Request, middleware::from_fn, routing::MethodRouter};
use reqwest::{Client, RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use watertight_cqrs::{
    CommandHandler, Decider,
    http::{Actor, command_route},
};
use watertight_events::StreamId;

use crate::support::{Account, Bank, Command, Happened, No, Stubborn};

/// The bank's commands as they come in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Slip {
    Open { account: String },
    Deposit { account: String, amount: u64 },
    Withdraw { account: String, amount: u64 },
}

/// The bank for slips.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teller;

impl Decider for Teller {
    type Command = Slip;
    type Event = Happened;
    type State = Account;
    type Rejection = No;
    const CATEGORY: &'static str = Bank::CATEGORY;

    fn stream_id(slip: &Slip) -> StreamId {
        let (Slip::Open { account }
        | Slip::Deposit { account, .. }
        | Slip::Withdraw { account, .. }) = slip;
        StreamId::new(Self::CATEGORY, account)
    }

    fn decide(&self, state: &Account, slip: &Slip) -> Result<Vec<Happened>, No> {
        let account = "";
        let command = match *slip {
            Slip::Open { .. } => Command::Open { account },
            Slip::Deposit { amount, .. } => Command::Deposit { account, amount },
            Slip::Withdraw { amount, .. } => Command::Withdraw { account, amount },
        };
        Bank.decide(state, &command)
    }

    fn evolve(state: Account, event: &Happened) -> Account {
        Bank::evolve(state, event)
    }
}

/// A client of a server.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    url: String,
    client: Client,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: reqwest::header::HeaderMap,
}

/// A server of the bank, and the store behind it.
pub(crate) async fn bank() -> (Web, Stubborn) {
    let store = Stubborn::new();
    let handler = CommandHandler::new(Teller, store.clone());
    (Web::serve(command_route::<Slip>(handler)).await, store)
}

impl Web {
    /// Serves a route; who asks is in the header `x-user`, as if that were an authentication.
    pub(crate) async fn serve(route: MethodRouter) -> Self {
        Self::serve_app(Router::new().route("/", route)).await
    }

    pub(crate) async fn serve_app(app: Router) -> Self {
        let authenticated = from_fn(|mut request: Request, next: axum::middleware::Next| {
            if let Some(user) = request.headers().get("x-user") {
                let user = user.to_str().expect("an ASCII name").to_owned();
                request.extensions_mut().insert(Actor(user));
            }
            next.run(request)
        });
        let app = app.layer(authenticated);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        let client = Client::new();
        Self { url, client }
    }

    pub(crate) fn post(&self, slip: &Value) -> RequestBuilder {
        self.client.post(&self.url).json(slip)
    }

    /// A query at a path below the root.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn head(&self, path: &str) -> RequestBuilder {
        self.client.head(format!("{}{path}", self.url))
    }

    /// A query with a body.
    pub(crate) fn ask(&self, path: &str, query: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(query)
    }

    /// A body that is not JSON, or not said to be.
    pub(crate) fn raw(&self, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(&self.url);
        request.header("content-type", content_type).body(body)
    }

    pub(crate) fn open(&self, account: &str) -> RequestBuilder {
        self.post(&json!({ "open": { "account": account } }))
    }

    pub(crate) fn deposit(&self, account: &str, amount: u64) -> RequestBuilder {
        self.post(&json!({ "deposit": { "account": account, "amount": amount } }))
    }

    pub(crate) fn withdraw(&self, account: &str, amount: u64) -> RequestBuilder {
        self.post(&json!({ "withdraw": { "account": account, "amount": amount } }))
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::of(request.send().await.unwrap()).await
    }

    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.bytes().await.unwrap();
        let body = match &text[..] {
            [] => Value::Null,
            text => serde_json::from_slice(text).unwrap(),
        };
        Self {
            status,
            body,
            headers,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The detail of a problem of this status, after a look at the rest of it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], "about:blank");
        assert!(self.body["title"].is_string());
        self.body["detail"].as_str().expect("a detail")
    }

    #[track_caller]
    pub(crate) fn is_done(&self, version: u64) {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.body["version"], version);
        assert_eq!(self.header("etag"), Some(&*format!("\"{version}\"")));
    }
}
