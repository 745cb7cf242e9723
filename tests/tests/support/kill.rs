//! A process that is killed in the middle of what it does.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A process that tells what it does, line by line; killed together with this value.
pub(crate) struct Process {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(program: &str, arguments: [&str; 2]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, out }
    }

    /// Waits for so many more lines.
    pub(crate) fn tell(&mut self, lines: usize) -> Vec<String> {
        let told: Vec<_> = self
            .out
            .by_ref()
            .map_while(Result::ok)
            .take(lines)
            .collect();
        assert_eq!(told.len(), lines, "it ended by itself");
        told
    }

    /// Kills it with `SIGKILL`, and returns what it has told and nobody heard.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it is killed");
        self.out.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails if the process has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program until it has told so many lines, kills it, and returns all that it told.
pub(crate) fn run_and_kill(program: &str, arguments: [&str; 2], lines: usize) -> Vec<String> {
    let mut process = Process::start(program, arguments);
    let mut told = process.tell(lines);
    told.extend(process.kill());
    told
}
