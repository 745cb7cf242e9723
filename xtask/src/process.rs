//! Child processes that never outlive this one: not after a failure, a time limit or Ctrl-C.

use std::{
    io,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use crate::group;

/// How long a group may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 5_000 });

const EXIT_INTERRUPTED: i32 = 130;

static GROUPS: Mutex<Groups> = Mutex::new(Groups {
    running: Vec::new(),
    stopping: false,
});
static GROUP_ENDED: Condvar = Condvar::new();

struct Groups {
    running: Vec<u32>,
    stopping: bool,
}

/// A command and everything it started; dropping it stops them all.
#[must_use]
#[derive(Debug)]
pub(crate) struct Running {
    group: u32,
    status: Receiver<io::Result<ExitStatus>>,
    ended: bool,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        group::lead_own_group(command);
        let mut groups = leave_it_to_the_interrupt(groups());
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let group = child.id();
        groups.running.push(group);
        drop(groups);

        let (send, status) = mpsc::channel();
        thread::spawn(move || send.send(wait_and_sweep(child)));
        Ok(Self {
            group,
            status,
            ended: false,
        })
    }

    /// The exit status, or an error once the limit is over; then everything has been stopped.
    pub(crate) fn wait(mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        match self.status.recv_timeout(limit) {
            Ok(status) => {
                self.ended = true;
                drop(leave_it_to_the_interrupt(groups()));
                Ok(status?)
            }
            Err(RecvTimeoutError::Timeout) => bail!("stopped: no end within {limit:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("the thread that waits has panicked"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        group::terminate(self.group);
        if self.status.recv_timeout(GRACE).is_err() {
            group::kill(self.group);
            let _ = self.status.recv_timeout(GRACE);
        }
    }
}

/// What a command that succeeded printed.
pub(crate) fn output(mut command: Command, limit: Duration) -> anyhow::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    let running = Running::start(command.stdout(writer))?;
    // The pipe ends when nobody can write to it any more, this program included.
    drop(command);
    let printed = thread::spawn(move || io::read_to_string(&mut reader));
    let status = running.wait(limit)?;
    ensure!(status.success(), "ended with {status}");
    let printed = printed
        .join()
        .ok()
        .context("the reading thread has panicked")?;
    Ok(printed?)
}

/// Starts the thread that, on Ctrl-C, SIGTERM or SIGHUP, stops what runs and exits.
pub(crate) fn stop_everything_on_ctrl_c() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        let mut groups = groups();
        groups.stopping = true;
        eprintln!(
            "\ninterrupted: stopping {} command(s)",
            groups.running.len()
        );
        for &group in &groups.running {
            group::terminate(group);
        }
        let still_running = |groups: &mut Groups| !groups.running.is_empty();
        let (groups, _) = GROUP_ENDED
            .wait_timeout_while(groups, GRACE, still_running)
            .unwrap_or_else(PoisonError::into_inner);
        for &group in &groups.running {
            group::kill(group);
        }
        std::process::exit(EXIT_INTERRUPTED);
    })
    .context("cannot watch for Ctrl-C")
}

fn wait_and_sweep(mut child: Child) -> io::Result<ExitStatus> {
    group::wait_without_reaping(&mut child);
    let mut groups = groups();
    // What the command left behind: a server that nobody stopped, a test binary after its cargo was killed.
    group::kill(child.id());
    let status = child.wait();
    groups.running.retain(|&group| group != child.id());
    GROUP_ENDED.notify_all();
    status
}

// A command that was stopped has not failed: nothing is started, reported or ended any more.
fn leave_it_to_the_interrupt(groups: MutexGuard<'_, Groups>) -> MutexGuard<'_, Groups> {
    if groups.stopping {
        drop(groups);
        loop {
            thread::park();
        }
    }
    groups
}

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{PipeReader, Read, pipe};

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(60);

    /// A shell command, and a pipe that ends when the last process that it started has ended.
    fn shell(script: &str) -> (Command, PipeReader) {
        let (reader, writer) = pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(writer);
        (command, reader)
    }

    fn wait_for_the_last(mut reader: PipeReader) {
        reader.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn a_command_over_its_limit_is_stopped_with_its_children() {
        let (mut command, alive) = shell("sleep 600 & sleep 600");
        let running = Running::start(&mut command).unwrap();
        drop(command);
        assert!(running.wait(SOON).is_err());
        wait_for_the_last(alive);
    }

    #[test]
    fn a_command_that_ignores_the_request_to_end_is_killed() {
        let (mut command, mut alive) = shell("trap '' TERM; echo; sleep 600");
        let running = Running::start(&mut command).unwrap();
        drop(command);
        alive.read_exact(&mut [0]).unwrap();
        drop(running);
        wait_for_the_last(alive);
    }

    #[test]
    fn what_a_command_left_behind_is_stopped_when_it_ends() {
        let (mut command, alive) = shell("sleep 600 & exit 3");
        let status = Running::start(&mut command).unwrap().wait(LATE).unwrap();
        drop(command);
        assert_eq!(status.code(), Some(3));
        wait_for_the_last(alive);
    }
}
