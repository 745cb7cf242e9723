mod book;
mod layer;
mod record;

pub use self::{
    book::{DEFAULT_RECORDS, Ledger},
    layer::{Label, LedgerFuture, LedgerLayer, LedgerService, Unlabelled},
    record::{Ended, Record},
};
