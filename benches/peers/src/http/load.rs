//! Who asks: wrk, or our own load generator where wrk is not installed.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use tokio::{process::Command, time::timeout};
use watertight_benches::{callgrind::find, load};

const CONNECTIONS: usize = 32;

/// A program that sends requests as fast as they are answered, on a bounded number of connections.
#[derive(Clone, Debug)]
pub enum Load {
    /// The program that everybody uses.
    Wrk(PathBuf),
    /// Ours, in the process of the server.
    Own,
}

impl Load {
    /// wrk, if it is installed.
    #[must_use]
    pub fn find() -> Self {
        find("wrk").map_or(Self::Own, Self::Wrk)
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Wrk(_) => "wrk",
            Self::Own => "our load generator",
        }
    }

    /// Successful answers per second; the time is rounded up to whole seconds for wrk.
    ///
    /// # Errors
    ///
    /// A connection fails, or an answer is not a success.
    pub async fn requests_per_second(
        &self,
        address: SocketAddr,
        time: Duration,
    ) -> anyhow::Result<f64> {
        match self {
            Self::Wrk(program) => wrk(program.clone(), address, time).await,
            Self::Own => load::requests_per_second(address, CONNECTIONS, time).await,
        }
    }
}

async fn wrk(program: PathBuf, address: SocketAddr, time: Duration) -> anyhow::Result<f64> {
    let seconds = time.as_secs_f64().ceil().max(1.0);
    let run = Command::new(program)
        .args(["--threads", "2", "--duration"])
        .arg(format!("{seconds}s"))
        .args(["--connections", &CONNECTIONS.to_string()])
        .arg(format!("http://{address}/"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    // It waits for its last answers, for two seconds at most.
    let patience = Duration::from_secs_f64(seconds) + Duration::from_secs(10);
    let output = timeout(patience, run).await.context("wrk hangs")??;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {}\n{said}", output.status);
    answers(&said).with_context(|| format!("wrk did not get what it asked for:\n{said}"))
}

/// The answers per second that wrk tells, if all of them were successes.
fn answers(said: &str) -> Option<f64> {
    if said.contains("Socket errors") || said.contains("Non-2xx") {
        return None;
    }
    let line = said
        .lines()
        .find(|line| line.starts_with("Requests/sec:"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
  2 threads and 32 connections
  30571 requests in 1.00s, 4.02MB read
Requests/sec:  30571.44
Transfer/sec:      4.02MB
";

    #[test]
    fn the_rate_is_found_in_what_wrk_says() {
        assert_eq!(answers(SAID), Some(30_571.44));
    }

    #[test]
    fn answers_that_are_no_successes_are_no_rate() {
        let said = format!("{SAID}  Non-2xx or 3xx responses: 3\n");
        assert_eq!(answers(&said), None);
        assert_eq!(answers("unable to connect"), None);
    }
}
