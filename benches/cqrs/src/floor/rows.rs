//! Events as the floors write them.

use uuid::Uuid;

pub(crate) const KIND: &str = "deposited";
pub(crate) const PAYLOAD: &[u8] = br#"{"amount":10}"#;
pub(crate) const METADATA: &[u8] = b"{}";

/// An event: its stream and version, and its id.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) stream: String,
    pub(crate) version: i64,
    pub(crate) event: Uuid,
}

impl Row {
    pub(crate) fn new(account: Uuid, version: i64) -> Self {
        Self {
            stream: format!("account-{account}"),
            version,
            event: Uuid::now_v7(),
        }
    }
}
