//! A server of one's own, to be stopped.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use sqlx::{Connection, PgConnection, query_scalar};
use tempfile::TempDir;

use crate::server::server;

/// A server with the programs and the user of the other one; stopped together with this value.
pub(crate) struct Server {
    programs: PathBuf,
    /// Whom the other one's data belong to: PostgreSQL does not run as root.
    user: (u32, u32),
    port: u16,
    running: Option<Child>,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut other = PgConnection::connect(&server()).await.unwrap();
        let programs = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
        let programs: String = query_scalar(programs).fetch_one(&mut other).await.unwrap();
        let data: String = query_scalar("SELECT current_setting('data_directory')")
            .fetch_one(&mut other)
            .await
            .unwrap();
        let data = fs::metadata(data).expect("the server is on this machine");
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut server = Self {
            programs: programs.into(),
            user: (data.uid(), data.gid()),
            port: free.local_addr().unwrap().port(),
            running: None,
            folder: tempfile::tempdir().unwrap(),
        };
        drop(free);
        let (uid, gid) = server.user;
        chown(server.folder.path(), Some(uid), Some(gid)).unwrap();
        let mut initdb = server.program("initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "-D"]);
        let made = initdb.arg(server.data()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        server.again().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again, and waits until it takes connections.
    pub(crate) async fn again(&mut self) {
        let mut postgres = self.program("postgres");
        postgres
            .arg("-D")
            .arg(self.data())
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                self.folder.path().display()
            ));
        self.running = Some(postgres.spawn().unwrap());
        while PgConnection::connect(&self.url()).await.is_err() {
            let running = self.running.as_mut().unwrap();
            assert!(running.try_wait().unwrap().is_none(), "it has ended");
            tokio::task::yield_now().await;
        }
    }

    /// Stops it: with `INT` it says goodbye, with `QUIT` it is gone as in a crash.
    pub(crate) fn stop(&mut self, signal: &str) {
        if let Some(mut running) = self.running.take() {
            let pid = running.id().to_string();
            let sent = Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(sent.unwrap().success());
            running.wait().unwrap();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let own = fs::metadata("/proc/self").map(|own| own.uid());
        if own.is_ok_and(|own| own != self.user.0) {
            command.uid(self.user.0).gid(self.user.1);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let pid = running.id().to_string();
            let _ = Command::new("kill").args(["-s", "QUIT", &pid]).status();
            let _ = running.wait();
        }
    }
}
