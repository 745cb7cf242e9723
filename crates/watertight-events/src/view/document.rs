use bytes::Bytes;

use super::ViewError;
use crate::{Invalid, ids::check_text};

/// The largest body of a document, in bytes.
pub const MAX_DOCUMENT: usize = 16 << 20;

/// The longest indexed value, in bytes.
pub const MAX_INDEXED: usize = 1000;

/// A document of a view: bytes under a key, and the fields by which it can be found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// Its key, as a stream's name: up to [`MAX_TEXT`](crate::MAX_TEXT) bytes without control characters.
    pub key: String,
    /// What is in it; the store never looks into it.
    pub body: Bytes,
    /// Names and values of fields; a name may be there more than once.
    pub index: Vec<(String, String)>,
}

/// Which documents are wanted.
///
/// ```
/// use watertight_events::Find;
///
/// let next = Find::by("domain", "b.example").after("ada").limit(50);
/// assert_eq!(next.after.as_deref(), Some("ada"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Find {
    /// Only those with this value in this indexed field.
    pub field: Option<(String, String)>,
    /// Only those with a larger key: the last one of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A page of documents.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// The documents, in the order of their keys, byte by byte.
    pub documents: Vec<Document>,
    /// Whether there are more after these.
    pub more: bool,
}

impl Document {
    /// A document that is found by its key only.
    pub fn new(key: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            key: key.into(),
            body: body.into(),
            index: Vec::new(),
        }
    }

    /// The same, found by a field too.
    #[must_use]
    pub fn indexed(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.index.push((name.into(), value.into()));
        self
    }

    /// Refuses what some store could not hold.
    ///
    /// # Errors
    ///
    /// [`ViewError::Invalid`] or [`ViewError::TooLarge`] names it.
    pub fn check(&self) -> Result<(), ViewError> {
        check_text("document key", &self.key)?;
        at_most("document, in bytes,", self.body.len(), MAX_DOCUMENT)?;
        for (name, value) in &self.index {
            check_text("indexed field", name)?;
            at_most("indexed value, in bytes,", value.len(), MAX_INDEXED)?;
            if value.contains('\0') {
                let why = "it has a NUL character";
                return Err(Invalid::new("indexed value", value, why).into());
            }
        }
        Ok(())
    }
}

impl Find {
    /// All documents, 100 at a time.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            field: None,
            after: None,
            limit: 100,
        }
    }

    /// Those with this value in this indexed field, 100 at a time.
    pub fn by(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            field: Some((name.into(), value.into())),
            ..Self::all()
        }
    }

    /// Only those with a larger key.
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// So many at a time.
    #[must_use]
    pub const fn limit(mut self, documents: usize) -> Self {
        self.limit = documents;
        self
    }
}

const fn at_most(field: &'static str, size: usize, limit: usize) -> Result<(), ViewError> {
    if size > limit {
        return Err(ViewError::TooLarge { field, size, limit });
    }
    Ok(())
}
