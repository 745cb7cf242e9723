use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Event};
use watertight_events::{Expected, StreamId, Write};

/// What may happen to a customer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Customers;

#[derive(Clone, Debug, Serialize)]
pub(super) struct CheckOut {
    pub(super) order: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CustomerEvent {
    SignedUp { email: String },
    Moved { email: String },
    CheckedOut { order: u64 },
}

/// How many customers the shop has; every order is one of theirs.
const CUSTOMERS: u64 = 200;

impl Event for CustomerEvent {}

impl Decider for Customers {
    type Command = CheckOut;
    type Event = CustomerEvent;
    type State = ();
    type Rejection = Infallible;
    const CATEGORY: &'static str = "customer";

    fn stream_id(command: &CheckOut) -> StreamId {
        stream(command.order % CUSTOMERS)
    }

    fn decide(&self, (): &(), command: &CheckOut) -> Result<Vec<CustomerEvent>, Infallible> {
        let order = command.order;
        Ok(vec![CustomerEvent::CheckedOut { order }])
    }

    fn evolve((): (), _: &CustomerEvent) {}
}

/// Whose order it is, as the key of a document.
pub(super) fn customer_of(order: u64) -> String {
    (order % CUSTOMERS).to_string()
}

/// All the customers, each of whom has signed up and moved so many times since.
pub(super) fn histories(moves: u64) -> anyhow::Result<Vec<Write>> {
    let histories = (0..CUSTOMERS).map(|customer| {
        let moved = (1..=moves).map(|home| CustomerEvent::Moved {
            email: email(customer, home),
        });
        let email = email(customer, 0);
        let events = [CustomerEvent::SignedUp { email }].into_iter().chain(moved);
        let encoded = events.map(|event| Ok(event.encode()?.into()));
        let encoded = encoded.collect::<anyhow::Result<_>>()?;
        Ok(Write::to(stream(customer), Expected::NoStream, encoded))
    });
    histories.collect()
}

fn stream(customer: u64) -> StreamId {
    StreamId::new(Customers::CATEGORY, customer)
}

fn email(customer: u64, home: u64) -> String {
    format!("customer-{customer}@{}.example", home % 7)
}
