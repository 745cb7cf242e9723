//! An order service with a bulkhead per dependency: payment and inventory decide about an order, e-mail and analytics
//! never do, not even when they hang.
//!
//! Not solved yet: an order whose payment fails keeps its reservation; undoing that is a saga's work.

mod dependencies;
mod downstream;

use std::sync::Arc;

use anyhow::Result;
use futures::future::join_all;

use crate::{dependencies::Dependencies, downstream::Downstream};

/// As many at once as inventory serves (3) and queues (30); more are told to come back.
const ORDERS: usize = 33;

/// What becomes of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Confirmed,
    OutOfStock,
    PaymentFailed,
}

async fn place(shop: &Dependencies) -> Order {
    if shop.inventory.call().await.is_err() {
        return Order::OutOfStock;
    }
    if shop.payment.call().await.is_err() {
        return Order::PaymentFailed;
    }
    // Nobody waits for these two; their bulkheads bound how many may be on their way.
    for optional in [shop.email.clone(), shop.analytics.clone()] {
        tokio::spawn(async move { optional.call().await });
    }
    Order::Confirmed
}

#[tokio::main]
async fn main() -> Result<()> {
    let downstream = Arc::new(Downstream::default());
    let shop = Dependencies::new(&downstream.clone().serve().await?)?;

    let calm = place_all(&shop).await;
    println!("calm: {}", told(&calm));
    assert_eq!(calm, [Order::Confirmed; ORDERS]);

    // E-mail hangs for ever: two calls occupy it, twenty wait, the rest is refused, and every order goes through.
    downstream.hang_email();
    let hung = place_all(&shop).await;
    shop.email.until_refused(ORDERS - 22).await;
    let email = shop.email.bulkhead.snapshot();
    println!(
        "e-mail hangs: {} in flight, {} queued, orders {}",
        email.in_flight,
        email.queued,
        told(&hung)
    );
    assert_eq!((email.in_flight, email.queued), (2, 20));
    assert_eq!(hung, [Order::Confirmed; ORDERS]);

    // Payment and inventory do decide.
    downstream.fail_payment(true);
    let unpaid = place_all(&shop).await;
    downstream.fail_payment(false);
    downstream.fail_inventory(true);
    let sold_out = place_all(&shop).await;
    println!(
        "payment fails: {}\ninventory fails: {}",
        told(&unpaid),
        told(&sold_out)
    );
    assert_eq!(unpaid, [Order::PaymentFailed; ORDERS]);
    assert_eq!(sold_out, [Order::OutOfStock; ORDERS]);

    let peaks = downstream.most_at_once();
    println!("most at once in inventory, payment, e-mail, analytics: {peaks:?}");
    assert!(
        peaks
            .iter()
            .zip([3, 5, 2, 1])
            .all(|(peak, limit)| *peak <= limit)
    );
    Ok(())
}

async fn place_all(shop: &Dependencies) -> Vec<Order> {
    join_all((0..ORDERS).map(|_| place(shop))).await
}

/// What became of orders that all ended alike.
fn told(orders: &[Order]) -> String {
    format!("{} x {:?}", orders.len(), orders[0])
}
