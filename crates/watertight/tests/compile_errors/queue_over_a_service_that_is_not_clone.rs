use tower::{Layer, Service, util::BoxService};
use watertight::{Bulkhead, BulkheadLayer};

fn roses() -> BoxService<(), (), std::io::Error> {
    unimplemented!()
}

fn call(_: impl Service<()>) {}

fn main() {
    let roses_line = Bulkhead::builder("roses").max_concurrent(1).queue(1).build().unwrap();
    // A call that waits keeps the service that was readied for it.
    call(BulkheadLayer::new(roses_line).layer(roses()));
}
