use std::time::Duration;

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// What the server ends by itself, so that a process that is frozen cannot hold the head for ever.
const GUARDS: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("statement_timeout", "30s"),
    // A plan that was cached while the tables were empty would scan them for ever.
    ("enable_seqscan", "off"),
    // And where it must be a scan after all, its forbidding cost is no reason to compile the plan.
    ("jit", "off"),
    // What is looked up under the head's lock must be newer than the wait for it.
    ("default_transaction_isolation", "read committed"),
];

/// Longer than the server's own limit: then the server or the way to it is gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The writer's own connection: a pool would ping it before each use.
#[derive(Debug)]
pub(crate) struct Own {
    options: PgConnectOptions,
    open: Option<PgConnection>,
}

impl Own {
    pub(crate) fn new(options: &PgConnectOptions) -> Self {
        Self {
            options: options.clone().options(GUARDS),
            open: None,
        }
    }

    /// The connection, opened anew where there is none.
    pub(crate) async fn get(&mut self) -> sqlx::Result<&mut PgConnection> {
        if self.open.is_none() {
            self.open = Some(self.options.connect().await?);
        }
        Ok(self.open.as_mut().expect("it was opened"))
    }

    /// Leaves the connection as it is; the next one is new.
    pub(crate) fn give_up(&mut self) {
        self.open = None;
    }
}
