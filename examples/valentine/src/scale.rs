use std::time::Duration;

use anyhow::Result;
use axum::{Router, routing::get};
use futures::future::join_all;
use tokio::time::Instant;

use crate::shop::serve;

/// How large the day is: everything grows with the rate of a calm hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Checkouts per second on a calm day.
    pub(crate) calm: f64,
}

/// Fifteen times the calm rate, and about a dozen requests for each checkout of the naive shop.
const STORM_REQUESTS: f64 = 15.0 * 12.0;

/// The share of this machine that the storm may take, so that waits decide and not the processor.
const SHARE: f64 = 0.25;

/// Open files for one checkout that hangs: three connections with two ends each, for the two seconds of a customer.
const STORM_FILES: f64 = 15.0 * 2.0 * 6.0;

const STEP: f64 = 5.0;

/// Enough to tell; more would only make the naive shop collapse for want of processors where there are few.
const MOST: f64 = 10.0;

impl Scale {
    /// A day of this size, whatever the machine stands.
    pub(crate) fn fixed(calm: u32) -> Self {
        let _ = rlimit::increase_nofile_limit(u64::from(u16::MAX));
        Self {
            calm: f64::from(calm),
        }
    }

    /// Measures what this machine can do: requests over loopback, and open files.
    pub(crate) fn measured() -> Result<Self> {
        let runtime = tokio::runtime::Runtime::new()?;
        let requests = runtime.block_on(requests_per_second())?;
        runtime.shutdown_background();
        let files = rlimit::increase_nofile_limit(u64::from(u16::MAX)).unwrap_or(256);
        Ok(Self::standing(requests, files))
    }

    fn standing(requests: f64, files: u64) -> Self {
        let calm = (requests * SHARE / STORM_REQUESTS).min(files as f64 / STORM_FILES);
        let stepped = (calm / STEP).floor() * STEP;
        Self {
            calm: stepped.clamp(STEP, MOST),
        }
    }
}

async fn requests_per_second() -> Result<f64> {
    const TIME: Duration = Duration::from_millis(300);
    let app = Router::new().route("/", get(async || ()));
    let url = serve(app).await?;
    let client = reqwest::Client::new();
    client.get(&url).send().await?;
    let start = Instant::now();
    let callers = (0..8).map(|_| async {
        let mut calls = 0_u32;
        while start.elapsed() < TIME && client.get(&url).send().await.is_ok() {
            calls += 1;
        }
        calls
    });
    let calls: u32 = join_all(callers).await.into_iter().sum();
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_of_processor_and_open_files_decides_in_steps() {
        let calm = |requests, files| Scale::standing(requests, files).calm;
        assert_eq!(calm(8_000.0, 65_535), 10.0);
        assert_eq!(calm(1e9, 1_000), 5.0);
    }

    #[test]
    fn a_day_is_neither_too_small_to_tell_nor_larger_than_needed() {
        let calm = |requests, files| Scale::standing(requests, files).calm;
        assert_eq!(calm(0.0, 256), STEP);
        assert_eq!(calm(1e9, 1 << 20), MOST);
    }
}
