//! A process that writes and projects is killed with SIGKILL, again and again, and the next one goes on: no acknowledged event is
//! lost, none is there twice, and the view equals the fold of the events. The process is this program itself, on a SQLite file.

mod check;
mod trucks;
mod worker;

use std::{env, path::Path, process::Stdio};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const TRUCKS: usize = 8;
const KILLS: usize = 6;

/// What was heard of the process before it died.
#[derive(Debug, Default)]
struct Heard {
    /// Where its view went on.
    view: u64,
    acknowledged: usize,
    /// Acknowledged now, but done before the kill.
    again: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    if let Some(file) = arguments.next() {
        let acknowledged = arguments.map(|last| last.parse());
        let acknowledged: Vec<_> = acknowledged.collect::<Result<_, _>>()?;
        return worker::work(Path::new(&file), &acknowledged).await;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trucks.db");
    let mut random = fastrand::Rng::with_seed(12);
    let mut acknowledged = [0; TRUCKS];
    for kill in 1..=KILLS {
        let after = random.usize(50..500);
        let heard = run_and_kill(&file, &mut acknowledged, after).await?;
        println!(
            "kill {kill}: the view went on at {}; {} acknowledged, {} of them done before the last kill",
            heard.view, heard.acknowledged, heard.again
        );
        let left = check::what_is_left(&file, &acknowledged).await?;
        assert!(left >= heard.view, "the view never goes back");
    }
    check::catch_up(&file).await?;
    let sum: u64 = acknowledged.iter().sum();
    println!("{sum} acknowledged, all there once, and the view equals the fold");
    Ok(())
}

/// Has the process work until so many commands are acknowledged, and kills it in the middle of the next ones.
async fn run_and_kill(
    file: &Path,
    acknowledged: &mut [u64; TRUCKS],
    after: usize,
) -> Result<Heard> {
    let mut process = Command::new(env::current_exe()?)
        .arg(file)
        .args(acknowledged.iter().map(u64::to_string))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = process.stdout.take().context("its output is a pipe")?;
    let mut said = BufReader::new(said).lines();
    let mut heard = Heard::default();
    // A line is one write to the pipe, so none is cut in two; what was said before the kill is still in there after it.
    while let Some(line) = said.next_line().await? {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["view", position] => heard.view = position.parse()?,
            [how @ ("done" | "again"), truck, parcel] => {
                acknowledged[truck.parse::<usize>()?] = parcel.parse()?;
                heard.acknowledged += 1;
                heard.again += usize::from(how == "again");
            }
            _ => bail!("it says {line:?}"),
        }
        if heard.acknowledged == after {
            process.start_kill()?;
        }
    }
    let status = process.wait().await?;
    assert!(heard.acknowledged >= after, "it ended by itself: {status}");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    Ok(heard)
}
