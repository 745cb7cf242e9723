use std::{fmt, marker::PhantomData};

use watertight_events::{Document, Find, Lane, Position, ViewId, ViewStore};

use super::QueryError;
use crate::View;

/// Reads the documents of one version of a view.
pub struct ViewReader<V, S> {
    store: S,
    id: ViewId,
    as_of: Position,
    view: PhantomData<fn() -> V>,
}

/// A page of documents, with their keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Matches<D> {
    /// The documents, in the order of their keys.
    pub documents: Vec<(String, D)>,
    /// Whether there are more after these.
    pub more: bool,
}

impl<V: View, S: ViewStore> ViewReader<V, S> {
    pub(super) const fn new(store: S, id: ViewId, as_of: Position) -> Self {
        Self {
            store,
            id,
            as_of,
            view: PhantomData,
        }
    }

    /// Every event up to here is reflected in what is read.
    #[must_use]
    pub const fn as_of(&self) -> Position {
        self.as_of
    }

    /// Which version it reads. Its documents may be those of an earlier or a later fold.
    #[must_use]
    pub const fn id(&self) -> &ViewId {
        &self.id
    }

    /// The document under a key.
    ///
    /// # Errors
    ///
    /// The view was erased meanwhile, the document is of another type, or the store failed.
    pub async fn get(&self, key: &str) -> Result<Option<V::Document>, QueryError> {
        let lane = [Lane::Key(key.to_owned())];
        let loaded = self.store.load(&self.id, &lane).await?;
        let document = loaded.documents.get(key);
        document.map(|document| self.read(document)).transpose()
    }

    /// Documents in the order of their keys, a page at a time.
    ///
    /// # Errors
    ///
    /// The view was erased meanwhile, a document is of another type, or the store failed.
    pub async fn find(&self, find: &Find) -> Result<Matches<V::Document>, QueryError> {
        let found = self.store.find(&self.id, find).await?;
        let documents = found.documents.into_iter().map(|document| {
            let read = self.read(&document)?;
            Ok((document.key, read))
        });
        Ok(Matches {
            documents: documents.collect::<Result<_, QueryError>>()?,
            more: found.more,
        })
    }

    fn read(&self, document: &Document) -> Result<V::Document, QueryError> {
        let read = serde_json::from_slice(&document.body);
        read.map_err(|why| QueryError::Corrupt {
            view: self.id.clone(),
            key: document.key.clone(),
            why: why.to_string().into(),
        })
    }
}

impl<V, S> fmt::Debug for ViewReader<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewReader")
            .field("id", &self.id)
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}
