use tower::{Layer, Service, service_fn};
use watertight::{Fallback, FallbackLayer};

struct Roses;

fn call(_: impl Service<()>) {}

fn main() {
    let roses = service_fn(async |_: ()| Ok::<Roses, std::io::Error>(Roses));
    // A value is given to every call that fails; `respond_with` makes one for each.
    call(FallbackLayer::new(Fallback::default()).value(Roses).layer(roses));
}
