//! A load generator over loopback, for where wrk is not installed: plain hyper connections, bounded in number and time.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

/// How long a connection may take to open or an answer to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers per second that so many connections get in this time, one request at a time on each.
///
/// # Errors
///
/// A connection fails, or an answer is not a success.
pub async fn requests_per_second(
    address: SocketAddr,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let mut senders = Vec::with_capacity(connections);
    for _ in 0..connections {
        senders.push(timeout(PATIENCE, connect(address)).await??);
    }
    let start = Instant::now();
    let end = start + time;
    let mut tasks = JoinSet::new();
    for sender in senders {
        tasks.spawn(ask(sender, address, end));
    }
    let mut answers = 0;
    while let Some(task) = tasks.join_next().await {
        answers += task??;
    }
    Ok(answers as f64 / start.elapsed().as_secs_f64())
}

async fn connect(address: SocketAddr) -> anyhow::Result<http1::SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address)
        .await
        .context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(
    mut sender: http1::SendRequest<Empty<Bytes>>,
    address: SocketAddr,
    end: Instant,
) -> anyhow::Result<u64> {
    let mut answers = 0;
    while Instant::now() < end {
        let request = Request::get("/")
            .header("host", address.to_string())
            .body(Empty::new())?;
        let answer = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            Ok::<_, hyper::Error>(status)
        };
        let status = timeout(PATIENCE, answer).await.context("no answer")??;
        ensure!(status.is_success(), "the answer was {status}");
        answers += 1;
    }
    Ok(answers)
}
