//! A PostgreSQL server in a folder of its own.

use std::{
    cell::RefCell,
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    rc::Rc,
    time::Duration,
};

use anyhow::Context;

use super::{free_port, wait_for};
use crate::{process, process::Running, step::Step, tools};

/// Says to tests where the server is.
const VARIABLE: &str = "WATERTIGHT_POSTGRES";

const INITDB: Duration = Duration::from_secs(120);

/// A server that is started by one step and stopped by another, or with this value.
#[derive(Clone)]
pub(crate) struct Postgres {
    port: u16,
    running: Rc<RefCell<Option<Server>>>,
}

struct Server {
    /// Stopped first.
    running: Option<Running>,
    folder: PathBuf,
}

impl Postgres {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            port: free_port()?,
            running: Rc::default(),
        })
    }

    /// Tells a command where the server is.
    pub(crate) fn tell(&self, command: &mut Command) {
        let url = format!("postgres://postgres@127.0.0.1:{}", self.port);
        command.env(VARIABLE, url);
    }

    /// Does work while the server is up.
    pub(crate) fn around<'w>(
        self,
        step: Step<'w>,
        work: impl FnOnce(Step<'w>) -> Step<'w>,
    ) -> Step<'w> {
        let stop = self.clone();
        let step = step.check(move || self.start());
        work(step).check(move || {
            stop.running.borrow_mut().take();
            Ok("PostgreSQL is stopped".to_owned())
        })
    }

    fn start(&self) -> anyhow::Result<String> {
        if programs().is_none() {
            tools::install_package("postgresql")?;
        }
        let programs = programs().context("the package postgresql brings no server")?;
        let folder = env::temp_dir().join(format!("watertight-postgres-{}", self.port));
        fs::create_dir_all(&folder)?;
        give_to_the_server(&folder)?;
        let mut server = Server {
            running: None,
            folder,
        };
        let data = server.folder.join("data");

        let mut initdb = as_the_server(&programs.join("initdb"));
        initdb
            .args(["--auth=trust", "--username=postgres", "--no-sync", "-D"])
            .arg(&data);
        process::output(initdb, INITDB).context("initdb")?;

        let log = File::create(server.folder.join("log"))?;
        let mut postgres = as_the_server(&programs.join("postgres"));
        postgres
            .arg("-D")
            .arg(&data)
            .args(["-p", &self.port.to_string()])
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=300",
            ])
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                server.folder.display()
            ))
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        server.running = Some(Running::start(&mut postgres)?);
        // The line that tells when it takes connections, as its own `pg_ctl --wait` reads it.
        let status = data.join("postmaster.pid");
        let is_ready = || fs::read_to_string(&status).is_ok_and(|lines| lines.contains("ready"));
        let log = server.folder.join("log");
        wait_for(is_ready).with_context(|| fs::read_to_string(log).unwrap_or_default())?;
        *self.running.borrow_mut() = Some(server);
        Ok(format!("PostgreSQL is on port {}", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.running.take());
        // A folder for temporary files is cleaned up by the system if not here.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder of the newest server's programs: on the search path, or where Debian has them.
fn programs() -> Option<PathBuf> {
    if let Some(found) = tools::find("initdb") {
        return found.parent().map(Path::to_owned);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let folder = version.path().join("bin");
        folder.join("initdb").is_file().then_some((number, folder))
    });
    folders.max().map(|(_, folder)| folder)
}

/// PostgreSQL refuses to run as root, so there it runs as the user that its package brings.
#[cfg(unix)]
fn as_the_server(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(program);
    command.current_dir(env::temp_dir());
    if let Some(user) = server_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

#[cfg(unix)]
fn give_to_the_server(folder: &Path) -> anyhow::Result<()> {
    if let Some(user) = server_user() {
        std::os::unix::fs::chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn server_user() -> Option<nix::unistd::User> {
    use nix::unistd::{User, geteuid};

    geteuid()
        .is_root()
        .then(|| User::from_name("postgres").ok()?)
        .flatten()
}

#[cfg(not(unix))]
fn as_the_server(program: &Path) -> Command {
    Command::new(program)
}

#[cfg(not(unix))]
fn give_to_the_server(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
