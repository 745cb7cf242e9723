//! Servers that tests need: found or installed, started on a free port, and taken down however the tests end.

mod postgres;

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

pub(crate) use self::postgres::Postgres;
use crate::stopwatch::Stopwatch;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that was free just now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// Looks again and again until a server is ready.
fn wait_for(is_ready: impl Fn() -> bool) -> anyhow::Result<()> {
    let clock = Stopwatch::start();
    while clock.elapsed() < PATIENCE {
        if is_ready() {
            return Ok(());
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    bail!("it has not started within {PATIENCE:?}")
}
