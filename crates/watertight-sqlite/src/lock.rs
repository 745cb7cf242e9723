use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use crate::OpenError;

/// Holds a file for one store: two writers with a busy timeout would starve each other, and nobody would know the head.
///
/// The lock is the operating system's, so it is gone with the process however that ends.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = OsString::from(path);
        name.push("-lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(name)
            .map_err(OpenError::Lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::Lock(error)),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // A process that is being started at this moment has the file open too, and would hold the lock for a little longer.
        let _ = self.0.unlock();
    }
}
