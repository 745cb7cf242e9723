//! A step: commands, rounds of commands, and checks made by this program.

use std::{
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::ensure;

use crate::{process::Running, stopwatch::Stopwatch};

/// The longest command takes a few minutes on two cores; one that takes this long is stuck.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// One line of the summary: commands and checks, one after the other.
#[must_use]
pub(crate) struct Step<'a> {
    pub(crate) name: String,
    limit: Duration,
    works: Vec<Work<'a>>,
}

enum Work<'a> {
    Command(Command),
    /// A command, the exit code by which it says that it could not tell, and how often it may be tried.
    Tries(Command, i32, u32),
    /// The commands of the n-th round, and for how long a next round may begin.
    Rounds(Duration, Box<dyn Fn(u64) -> Vec<Command> + 'a>),
    /// Its answer says what was found.
    Check(Box<dyn FnOnce() -> anyhow::Result<String> + 'a>),
}

impl<'a> Step<'a> {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            limit: LIMIT,
            works: Vec::new(),
        }
    }

    pub(crate) fn run(self, command: Command) -> Self {
        self.run_all([command])
    }

    pub(crate) fn run_all(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.works.extend(commands.into_iter().map(Work::Command));
        self
    }

    /// A command that is run again while it ends with this code, but no more than so often.
    pub(crate) fn run_until_told(mut self, command: Command, untold: i32, tries: u32) -> Self {
        self.works.push(Work::Tries(command, untold, tries));
        self
    }

    /// One round at least, and another one until the time is over.
    pub(crate) fn rounds(
        mut self,
        time: Duration,
        round: impl Fn(u64) -> Vec<Command> + 'a,
    ) -> Self {
        self.works.push(Work::Rounds(time, Box::new(round)));
        self
    }

    pub(crate) fn check(mut self, check: impl FnOnce() -> anyhow::Result<String> + 'a) -> Self {
        self.works.push(Work::Check(Box::new(check)));
        self
    }

    /// Another limit for each command.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn print(&self) {
        println!("{}", self.name);
        self.works.iter().for_each(Work::print);
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        for work in self.works {
            work.finish(self.limit)?;
        }
        Ok(())
    }
}

impl Work<'_> {
    fn finish(self, limit: Duration) -> anyhow::Result<()> {
        match self {
            Self::Command(mut command) => run(&mut command, limit)?,
            Self::Tries(mut command, untold, tries) => {
                for left in (0..tries).rev() {
                    let status = status(&mut command, limit)?;
                    if status.code() != Some(untold) || left == 0 {
                        return check(&command, status);
                    }
                    println!("    it could not tell ({status}); trying again, {left} tries left");
                }
            }
            Self::Rounds(time, commands) => {
                let clock = Stopwatch::start();
                let mut round = 0;
                while round == 0 || clock.elapsed() < time {
                    println!("  round {}", round + 1);
                    for mut command in commands(round) {
                        run(&mut command, limit)?;
                    }
                    round += 1;
                }
            }
            Self::Check(check) => println!("    {}", check()?),
        }
        Ok(())
    }

    fn print(&self) {
        match self {
            Self::Command(command) | Self::Tries(command, ..) => {
                println!("    {}", shown(command));
            }
            Self::Rounds(_, commands) => {
                for command in commands(0) {
                    println!("    {}", shown(&command));
                }
            }
            Self::Check(_) => println!("    (a check of this program)"),
        }
    }
}

fn run(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let status = status(command, limit)?;
    check(command, status)
}

fn status(command: &mut Command, limit: Duration) -> anyhow::Result<ExitStatus> {
    println!("    {}", shown(command));
    Running::start(command)?.wait(limit)
}

fn check(command: &Command, status: ExitStatus) -> anyhow::Result<()> {
    ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={value:?}", name.to_string_lossy()))
    });
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn rounds_begin_until_the_time_is_over() {
        let rounds = RefCell::new(Vec::new());
        let round = |round| {
            rounds.borrow_mut().push(round);
            Vec::new()
        };
        let step = Step::new("once").rounds(Duration::ZERO, round);
        step.finish().unwrap();
        assert_eq!(*rounds.borrow(), [0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_fails_fails_its_step() {
        let run = |program| Step::new("program").run(Command::new(program)).finish();
        assert!(run("true").is_ok());
        assert!(run("false").is_err());
        assert!(run("there-is-no-such-program").is_err());
    }

    /// Whether the step succeeds, and how often its command was run.
    #[cfg(unix)]
    fn tried(code: i32) -> (bool, usize) {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        let script = format!("printf x; exit {code}");
        command.args(["-c", &script]).stdout(writer);
        let step = Step::new("tries").run_until_told(command, 3, 4);
        let succeeded = step.finish().is_ok();
        let runs = std::io::read_to_string(&mut reader).unwrap().len();
        (succeeded, runs)
    }

    #[cfg(unix)]
    #[test]
    fn only_a_command_that_could_not_tell_is_run_again_and_not_for_ever() {
        assert_eq!(tried(0), (true, 1));
        assert_eq!(tried(1), (false, 1));
        assert_eq!(tried(3), (false, 4));
    }
}
