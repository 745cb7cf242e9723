//! Events that are kept for good: their envelope, the [`EventStore`] they are in, and what is read from it.
//!
//! - [`NewEvent`], [`Recorded`], [`Metadata`], [`StreamId`], [`Version`], [`Position`]: the words.
//! - [`EventStore`] and its answers: one [`Write`] is one commit; positions are gapless and in commit order, so no reader can
//!   skip an event. [`MemoryStore`] is one in memory; others are in crates of their own.
//! - [`Subscription`]: every event after a position, those that are there and those to come.
//! - [`EventBus`]: events handed to handlers in the process, each at least once.
//! - [`ViewStore`]: where read models are, each moved on in one commit with the checkpoint of what it was made from.
//!   In a [`TableStore`] they may have tables of their own.
//! - [`SnapshotStore`]: where states of long streams are kept, so that not every event is read again.
//! - [`plan`] and [`group_commit`]: for stores of your own, what a write comes to and how many of them share a commit.

mod bus;
#[cfg(feature = "conformance")]
pub mod conformance;
mod envelope;
mod erased;
mod error;
pub mod group_commit;
mod ids;
mod limits;
mod memory;
mod metadata;
pub mod plan;
mod snapshot;
mod store;
mod subscription;
mod view;
mod write;

pub use self::{
    bus::{BusError, EventBus, Interest, Subscriber},
    envelope::{NewEvent, Recorded},
    erased::AnyEventStore,
    error::{Invalid, ReadError, WriteError},
    ids::{Kind, MAX_TEXT, Position, StoreId, StreamId, Version},
    limits::{Limits, MAX_KEY},
    memory::MemoryStore,
    metadata::{Context, Metadata, new_id},
    snapshot::{MAX_SNAPSHOT, Snapshot, SnapshotError, SnapshotStore},
    store::{EventStore, Filter, Page, StreamPage},
    subscription::{PAGE, Subscription},
    view::{
        Change, Checkpoint, Claimed, Document, Find, Found, Inline, InlineStore, Lane, Lease,
        Loaded, MAX_DOCUMENT, MAX_INDEXED, Parked, Save, Saved, Session, TableStore, VersionState,
        Versions, ViewError, ViewId, ViewStore, Work, WorkError,
    },
    write::{Append, Appended, Expected, KEEP_KEYS, Key, Tracking, Write, Written},
};
