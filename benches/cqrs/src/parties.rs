//! The programs, and one run of one of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use watertight_benches::events::{Answer, Ask, Keeper, Work};

#[derive(Debug)]
pub(crate) struct Parties {
    pub(crate) ours: PathBuf,
    pub(crate) floor: PathBuf,
    pub(crate) peers: Option<PathBuf>,
    pub(crate) server: Option<String>,
    pub(crate) stores: PathBuf,
    pub(crate) events: u64,
}

/// Whose program it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Side {
    Ours,
    Floor,
    Peers,
}

/// What one process is told beside where everything is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) work: Work,
    pub(crate) keeper: Keeper,
    pub(crate) clients: usize,
    pub(crate) millis: u64,
    pub(crate) events: u64,
}

impl Parties {
    /// Whether a keeper is there.
    pub(crate) fn can(&self, keeper: Keeper) -> bool {
        keeper != Keeper::Postgres || self.server.is_some()
    }

    /// Fails on a server that acknowledges what is not on its disk.
    pub(crate) fn is_durable(&self) -> anyhow::Result<()> {
        let task = Task {
            work: Work::IsDurable,
            keeper: Keeper::Postgres,
            clients: 1,
            millis: 0,
            events: 0,
        };
        self.ask(Side::Floor, "server", task)?;
        Ok(())
    }

    pub(crate) fn program(&self, side: Side) -> Option<&Path> {
        match side {
            Side::Ours => Some(&self.ours),
            Side::Floor => Some(&self.floor),
            Side::Peers => self.peers.as_deref(),
        }
    }

    /// The answer of a process of its own; nothing, if the program is not there.
    pub(crate) fn ask(
        &self,
        side: Side,
        subject: &str,
        task: Task,
    ) -> anyhow::Result<Option<Answer>> {
        let Some(program) = self.program(side) else {
            return Ok(None);
        };
        let answer = self.stores.join("answer.json");
        let mut command = Command::new(program);
        command.arg(subject).arg(Ask::word(&task.work));
        command.arg("--keeper").arg(Ask::word(&task.keeper));
        for (name, number) in [
            ("--clients", task.clients as u64),
            ("--millis", task.millis),
            ("--events", task.events),
        ] {
            command.arg(name).arg(number.to_string());
        }
        command
            .arg("--folder")
            .arg(&self.stores)
            .arg("--answer")
            .arg(&answer);
        if let Some(server) = &self.server {
            command.args(["--server", server]);
        }
        // Some of them print a line per command.
        let output = command.stdout(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(
            output.status.success(),
            "{subject}, {task:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let json = fs::read(&answer).context("there is no answer")?;
        Ok(Some(serde_json::from_slice(&json)?))
    }
}
