//! Trucks that are loaded, one parcel after the other.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Decider, Event, Fact, View};
use watertight_events::StreamId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Trucks;

/// A parcel, by its number, is put on a truck.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) truck: usize,
    pub(crate) parcel: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Truck {
    Loaded { parcel: u64 },
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("parcel {0} is next")]
pub(crate) struct OutOfOrder(u64);

impl Event for Truck {}

impl Decider for Trucks {
    type Command = Load;
    type Event = Truck;
    /// How many parcels are on it.
    type State = u64;
    type Rejection = OutOfOrder;
    const CATEGORY: &'static str = "truck";

    fn stream_id(load: &Load) -> StreamId {
        StreamId::new(Self::CATEGORY, load.truck)
    }

    fn decide(&self, parcels: &u64, load: &Load) -> Result<Vec<Truck>, OutOfOrder> {
        let (parcel, next) = (load.parcel, parcels + 1);
        if parcel == next {
            Ok(vec![Truck::Loaded { parcel }])
        } else {
            Err(OutOfOrder(next))
        }
    }

    fn evolve(parcels: u64, _: &Truck) -> u64 {
        parcels + 1
    }
}

/// What is on a truck. Whoever applies an event twice, or leaves one out, comes to another sum.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Cargo {
    pub(crate) parcels: u64,
    pub(crate) sum: u64,
}

pub(crate) struct Cargos;

impl View for Cargos {
    type Event = Truck;
    type Document = Cargo;
    const NAME: &'static str = "cargos";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Trucks::CATEGORY];

    fn keys(fact: &Fact<Truck>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, cargo: Option<Cargo>, fact: &Fact<Truck>) -> Option<Cargo> {
        let Truck::Loaded { parcel } = fact.event;
        let Cargo { parcels, sum } = cargo.unwrap_or_default();
        Some(Cargo {
            parcels: parcels + 1,
            sum: sum + parcel,
        })
    }
}
