use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::BuildError;

/// Distinct names a process may use; names are kept for ever, so a name per user or request must be a key instead.
pub const MAX_NAMES: usize = 10_000;

/// The longest name, in bytes.
pub const MAX_NAME_LEN: usize = 128;

static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// Interns a component's name, so that a refusal can carry it without allocating.
///
/// # Errors
///
/// The name is empty, longer than [`MAX_NAME_LEN`] bytes, holds a control character, or would be one more than
/// [`MAX_NAMES`].
///
/// ```
/// let name = watertight_core::intern("payments")?;
/// assert!(std::ptr::eq(name, watertight_core::intern("payments")?));
/// assert_eq!(watertight_core::intern("").unwrap_err().field(), "name");
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
pub fn intern(name: &str) -> Result<&'static str, BuildError> {
    let short: String = name.chars().take(32).collect();
    if name.is_empty() || name.len() > MAX_NAME_LEN || name.chars().any(char::is_control) {
        let expected = "1 to 128 bytes without control characters";
        return Err(BuildError::invalid(short.clone(), "name", short, expected));
    }
    // The set is valid after any panic: inserting is its only change.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Ok(known);
    }
    if names.len() >= MAX_NAMES {
        let expected = "at most 10000 distinct names in one process";
        return Err(BuildError::invalid(short.clone(), "name", short, expected));
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    Ok(name)
}
