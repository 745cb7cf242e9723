//! Steps, run one after the other, with what runs, how long it took and a summary.

use std::{
    fmt,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};

use crate::process::Running;

/// The longest command takes a few minutes on two cores; one that takes this long is stuck.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// One line of the summary: commands and checks, one after the other.
#[must_use]
pub(crate) struct Step<'a> {
    name: String,
    limit: Duration,
    works: Vec<Work<'a>>,
}

enum Work<'a> {
    Command(Command),
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

    fn finish(self) -> anyhow::Result<()> {
        for work in self.works {
            work.finish(self.limit)?;
        }
        Ok(())
    }
}

impl Work<'_> {
    fn finish(self, limit: Duration) -> anyhow::Result<()> {
        match self {
            Self::Command(command) => run(command, limit)?,
            Self::Rounds(time, commands) => {
                let clock = Stopwatch::start();
                let mut round = 0;
                while round == 0 || clock.elapsed() < time {
                    println!("  round {}", round + 1);
                    for command in commands(round) {
                        run(command, limit)?;
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
            Self::Command(command) => println!("    {}", shown(command)),
            Self::Rounds(_, commands) => {
                for command in commands(0) {
                    println!("    {}", shown(&command));
                }
            }
            Self::Check(_) => println!("    (a check of this program)"),
        }
    }
}

/// Steps and what becomes of them.
pub(crate) struct Plan<'a> {
    steps: Vec<Step<'a>>,
    keep_going: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        mut steps: Vec<Step<'a>>,
        only: Option<&str>,
        keep_going: bool,
    ) -> anyhow::Result<Self> {
        if let Some(text) = only {
            let names: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
            steps.retain(|step| step.name.contains(text));
            if steps.is_empty() {
                bail!("no step contains {text:?}; there are: {}", names.join(", "));
            }
        }
        Ok(Self { steps, keep_going })
    }

    pub(crate) fn print(&self) {
        for step in &self.steps {
            println!("{}", step.name);
            step.works.iter().for_each(Work::print);
        }
    }

    /// Whether every step succeeded.
    #[must_use]
    pub(crate) fn run(self) -> bool {
        let clock = Stopwatch::start();
        let count = self.steps.len();
        let mut lines = Vec::with_capacity(count);
        let mut failed = false;
        for (at, step) in self.steps.into_iter().enumerate() {
            let name = step.name.clone();
            if failed && !self.keep_going {
                lines.push((name, None));
                continue;
            }
            println!("\n==> [{}/{count}] {name}", at + 1);
            let clock = Stopwatch::start();
            let result = step.finish();
            let took = clock.elapsed();
            if let Err(error) = &result {
                eprintln!("error: {name}: {error:#}");
                failed = true;
            }
            lines.push((name, Some((result.is_ok(), took))));
        }
        println!("\nsummary, {:.1} s in all", clock.elapsed().as_secs_f64());
        for (name, end) in lines {
            println!("{}", Line(&name, end));
        }
        !failed
    }
}

struct Line<'a>(&'a str, Option<(bool, Duration)>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some((ok, took)) => {
                let word = if ok { "ok" } else { "FAILED" };
                write!(f, "  {word:<7} {:>7.1} s  {}", took.as_secs_f64(), self.0)
            }
            None => write!(f, "  {:<7} {:>9}  {}", "not run", "", self.0),
        }
    }
}

struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "chores take real time, there is no runtime here"
    )]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn run(mut command: Command, limit: Duration) -> anyhow::Result<()> {
    println!("    {}", shown(&command));
    let status = Running::start(&mut command)?.wait(limit)?;
    ensure!(status.success(), "{} ended with {status}", shown(&command));
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

    fn run_with_a_failure(keep_going: bool) -> (bool, Vec<&'static str>) {
        let ran = RefCell::new(Vec::new());
        let step = |name: &'static str, ok: bool| {
            let ran = &ran;
            Step::new(name).check(move || {
                ran.borrow_mut().push(name);
                ensure!(ok, "as asked");
                Ok(String::new())
            })
        };
        let steps = vec![
            step("first", true),
            step("second", false),
            step("third", true),
        ];
        let succeeded = Plan::new(steps, None, keep_going).unwrap().run();
        (succeeded, ran.into_inner())
    }

    #[test]
    fn the_first_failure_ends_the_run() {
        assert_eq!(run_with_a_failure(false), (false, vec!["first", "second"]));
    }

    #[test]
    fn on_request_the_other_steps_run_and_the_run_fails_all_the_same() {
        assert_eq!(
            run_with_a_failure(true),
            (false, vec!["first", "second", "third"])
        );
    }

    #[test]
    fn a_filter_that_matches_nothing_is_an_error() {
        let steps = || vec![Step::new("format").check(|| Ok(String::new()))];
        assert!(Plan::new(steps(), Some("form"), false).is_ok());
        assert!(Plan::new(steps(), Some("frm"), false).is_err());
    }

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
}
