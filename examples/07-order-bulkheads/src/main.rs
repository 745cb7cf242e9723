//! An order service with a bulkhead per dependency: payment and inventory decide about an order, e-mail and analytics
//! never do, not even when they hang.
//!
//! Not solved yet: an order whose payment fails keeps its reservation; undoing that is a saga's work.

mod dependencies;
mod downstream;

use std::sync::Arc;

use anyhow::Result;
use futures::future::{join, join_all};

use crate::{
    dependencies::{Dependencies, Dependency},
    downstream::{Downstream, Fault},
};

/// As many at once as inventory works on (3) and queues (30); more are told to come back.
const ORDERS: usize = 33;

/// What becomes of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Confirmed,
    NotReserved,
    NotPaid,
}

async fn place(shop: &Dependencies) -> Order {
    if shop.inventory.call().await.is_err() {
        return Order::NotReserved;
    }
    if shop.payment.call().await.is_err() {
        return Order::NotPaid;
    }
    // Nobody waits for these two; their bulkheads bound how many may be on their way.
    for optional in [shop.email.clone(), shop.analytics.clone()] {
        tokio::spawn(async move { optional.call().await });
    }
    Order::Confirmed
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let downstream = Arc::new(Downstream::default());
    let shop = Dependencies::new(&downstream.clone().serve().await?)?;

    // Whoever is slow has as much as it may have, and the others wait in its queue. None of them is lost.
    for (slow, workers) in [(&shop.inventory, 3), (&shop.payment, 5)] {
        let orders = rush(&shop, &downstream, slow, workers).await;
        let name = slow.name;
        println!(
            "{name} slow: at most {workers} at once, orders {}",
            told(&orders)
        );
        assert_eq!(orders, [Order::Confirmed; ORDERS]);
    }

    // E-mail hangs: two calls occupy it, twenty wait, the rest is refused, and every order goes through.
    shop.email
        .until(|now| now.in_flight + now.queued == 0)
        .await;
    let before = shop.email.bulkhead.snapshot().rejected();
    downstream.set("email", Fault::Hangs);
    let hung = place_all(&shop).await;
    let refused = (ORDERS - 2 - 20) as u64;
    shop.email
        .until(|now| now.rejected() == before + refused)
        .await;
    downstream.until_at_work("email", 2).await;
    let email = shop.email.bulkhead.snapshot();
    println!(
        "email hangs: {} in flight, {} queued, {refused} refused, orders {}",
        email.in_flight,
        email.queued,
        told(&hung)
    );
    assert_eq!((email.in_flight, email.queued), (2, 20));
    assert_eq!(hung, [Order::Confirmed; ORDERS]);

    // Payment and inventory do decide; e-mail still hangs.
    for (service, outcome) in [
        ("payment", Order::NotPaid),
        ("inventory", Order::NotReserved),
    ] {
        downstream.set(service, Fault::Fails);
        let orders = place_all(&shop).await;
        downstream.set(service, Fault::None);
        println!("{service} fails: orders {}", told(&orders));
        assert_eq!(orders, [outcome; ORDERS]);
    }

    let peaks = downstream.most_at_once();
    println!("most at once in inventory, payment, email, analytics: {peaks:?}");
    assert_eq!(peaks, [3, 5, 2, 1]);
    Ok(())
}

async fn place_all(shop: &Dependencies) -> Vec<Order> {
    join_all((0..ORDERS).map(|_| place(shop))).await
}

/// Places all orders while one service answers nobody until it has all of them: at work or in the queue.
async fn rush(
    shop: &Dependencies,
    downstream: &Downstream,
    slow: &Dependency,
    workers: usize,
) -> Vec<Order> {
    downstream.set(slow.name, Fault::Hangs);
    let full = slow.until(|now| (now.in_flight, now.queued) == (workers, ORDERS - workers));
    let lifted = async {
        full.await;
        downstream.until_at_work(slow.name, workers).await;
        downstream.set(slow.name, Fault::None);
    };
    join(place_all(shop), lifted).await.0
}

/// What became of orders that all ended alike.
fn told(orders: &[Order]) -> String {
    format!("{} x {:?}", orders.len(), orders[0])
}
