//! A process that is killed in the middle of what it does.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

/// Runs a program until it has told so many lines, kills it with `SIGKILL`, and returns all that it told.
pub(crate) fn run_and_kill(program: &str, arguments: [&str; 2], lines: usize) -> Vec<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut told = Vec::new();
    for line in out.lines() {
        let Ok(line) = line else { break };
        told.push(line);
        if told.len() == lines {
            child.kill().expect("it is killed");
        }
    }
    child.wait().expect("it has ended");
    assert!(told.len() >= lines, "it ended by itself");
    told
}
