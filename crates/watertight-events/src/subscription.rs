use std::fmt;

use futures::stream::{self, Stream};
use tokio::sync::watch;

use crate::{EventStore, Filter, Page, Position, ReadError, Recorded};

/// Events read at a time, unless the subscription says otherwise.
pub const PAGE: usize = 500;

/// Every event after a position, in order: first those that are there, then those to come.
///
/// There is no seam between the two, because both are the same read, which waits when it has reached the head. Nothing is
/// buffered ahead: a slow subscriber holds one page in memory, however far behind it is.
///
/// ```
/// use watertight_events::{EventStore, Expected, Filter, MemoryStore, NewEvent, Position, StreamId, Subscription, Write};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let mut users = Subscription::new(store.clone(), Position::START, Filter::all().category("user"));
/// let created = Write::to(StreamId::new("user", 42), Expected::NoStream, vec![NewEvent::new("user_created", "{}")]);
/// store.write(created).await.unwrap();
/// let page = users.next_page().await?;
/// assert_eq!((page.events.len(), users.position()), (1, Position(1)));
/// # Ok::<(), watertight_events::ReadError>(())
/// # }).unwrap();
/// ```
pub struct Subscription<S> {
    store: S,
    filter: Filter,
    position: Position,
    head: watch::Receiver<Position>,
    limit: usize,
}

impl<S: EventStore> Subscription<S> {
    /// Everything after this position that the filter lets through.
    #[must_use]
    pub fn new(store: S, after: Position, filter: Filter) -> Self {
        let head = store.head();
        Self {
            store,
            filter,
            position: after,
            head,
            limit: PAGE,
        }
    }

    /// Reads so many events at a time, at least one.
    #[must_use]
    pub const fn page(mut self, events: usize) -> Self {
        self.limit = if events == 0 { 1 } else { events };
        self
    }

    /// How far it has read. A subscription that starts here goes on where this one stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The next events. A page may be empty where the filter left out all that was read: it tells how far that was.
    ///
    /// # Errors
    ///
    /// The store cannot be read. Nothing is skipped: the next call starts where this one did.
    ///
    /// # Cancellation
    ///
    /// Safe: a page that was not returned is read again.
    pub async fn next_page(&mut self) -> Result<Page, ReadError> {
        loop {
            let page = self
                .store
                .read_all(self.position, &self.filter, self.limit)
                .await?;
            if page.scanned_to > self.position {
                self.position = page.scanned_to;
                return Ok(page);
            }
            let position = self.position;
            let moved = self.head.wait_for(|head| *head > position).await;
            if moved.is_err() {
                return Err(ReadError::new(false, "the store is closed"));
            }
        }
    }

    /// One event at a time; after an error it goes on where it was.
    pub fn into_stream(self) -> impl Stream<Item = Result<Recorded, ReadError>> + Send {
        let state = (self, Vec::new().into_iter());
        stream::unfold(state, |(mut from, mut page)| async move {
            loop {
                if let Some(event) = page.next() {
                    return Some((Ok(event), (from, page)));
                }
                match from.next_page().await {
                    Ok(read) => page = read.events.into_iter(),
                    Err(error) => return Some((Err(error), (from, page))),
                }
            }
        })
    }
}

impl<S> fmt::Debug for Subscription<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("position", &self.position)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}
