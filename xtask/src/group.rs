//! Process groups: a command and everything it starts are stopped together.

pub(crate) use self::platform::{kill, lead_own_group, terminate, wait_without_reaping};

#[cfg(unix)]
mod platform {
    use std::{
        os::unix::process::CommandExt,
        process::{Child, Command},
    };

    use nix::{
        sys::{
            signal::{Signal, killpg},
            wait::{Id, WaitPidFlag, waitid},
        },
        unistd::Pid,
    };

    pub(crate) fn lead_own_group(command: &mut Command) {
        command.process_group(0);
    }

    // While the leader is a zombie nobody else can get its number, so the group can still be signalled safely.
    pub(crate) fn wait_without_reaping(child: &mut Child) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(pid(child.id())), flags) == Err(nix::errno::Errno::EINTR) {}
    }

    pub(crate) fn terminate(group: u32) {
        signal(group, Signal::SIGTERM);
    }

    pub(crate) fn kill(group: u32) {
        signal(group, Signal::SIGKILL);
    }

    // The only error left is that the group has ended by itself.
    fn signal(group: u32, signal: Signal) {
        let _ = killpg(pid(group), signal);
    }

    fn pid(id: u32) -> Pid {
        Pid::from_raw(id.cast_signed())
    }
}

#[cfg(not(unix))]
mod platform {
    use std::process::{Child, Command, Stdio};

    pub(crate) fn lead_own_group(_: &mut Command) {}

    pub(crate) fn wait_without_reaping(child: &mut Child) {
        let _ = child.wait();
    }

    pub(crate) fn terminate(group: u32) {
        kill(group);
    }

    pub(crate) fn kill(group: u32) {
        let id = group.to_string();
        let _ = Command::new("taskkill")
            .args(["/T", "/F", "/PID", &id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
