//! States kept so that not every event is read again, and never believed.

mod aside;
mod doubt;
mod equality;
mod ledger;
mod stores;
