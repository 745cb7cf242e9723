use std::time::Duration;

use tower::{Layer, Service, service_fn};
use watertight::{Flat, TimeoutLayer};

fn call(_: impl Service<()>) {}

fn main() {
    let roses = service_fn(async |_: ()| Ok::<(), std::io::Error>(()));
    // The innermost layer makes the error that those further out add to.
    call(TimeoutLayer::new(Duration::from_secs(1)).on_reject(Flat).layer(roses));
}
