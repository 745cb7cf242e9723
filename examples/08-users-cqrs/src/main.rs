//! Users by CQRS: create one, change the e-mail address, look one up, list them by domain, see how much has happened, and read
//! one user's events. In a SQLite file, or on PostgreSQL with its URL as the argument.

use std::env;

use anyhow::Result;
use example_08_users_cqrs::{
    Activity, ByDomain, Domain, Entry, History, Id, No, OneUser, Profile, Service, Summary,
    UserCommand, UserEvent, Users, history,
};
use sqlx::PgPool;
use watertight_cqrs::{
    BusError, CommandError, CommandRequest, Committed, ConsistencyToken, QueryRequest,
};
use watertight_events::{EventStore, Expected, Version, ViewStore, new_id};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;

type Told<T> = Result<T, BusError<CommandError<No>>>;

#[tokio::main]
async fn main() -> Result<()> {
    match env::args().nth(1) {
        Some(url) => {
            let store = PostgresStore::open(PgPool::connect(&url).await?).await?;
            play(store.clone(), store).await
        }
        None => {
            let folder = tempfile::tempdir()?;
            let store = SqliteStore::open(folder.path().join("users.db"))?;
            play(store.clone(), store).await
        }
    }
}

async fn play<E: EventStore, V: ViewStore>(events: E, views: V) -> Result<()> {
    let users = Service::start(events.clone(), views).await?;
    // On a store that is there from another time, users and domains of this run have names of their own.
    let run = new_id().simple().to_string();
    let (old, new) = (format!("old-{run}.example"), format!("new-{run}.example"));
    let [ann, bob] = ["ann", "bob"].map(|name| format!("{name}-{run}"));

    let created = create(&users, &ann, &format!("ann@{old}")).await?;
    create(&users, &bob, &format!("bob@{old}")).await?;
    let again = create(&users, &ann, &format!("ann@{old}")).await;
    assert_eq!(rejection(again), Some(No::Exists));
    let nobody = change(&users, "nobody", "a@b.example", None).await;
    assert_eq!(rejection(nobody), Some(No::Missing));
    println!("created:   two users, and neither of them twice");

    // The token of the last command makes the queries wait for it: nothing is read that is older than what was written.
    let changed = change(&users, &ann, &format!("ann@{new}"), Some(created.version)).await?;
    let token = changed.token;
    let stale = change(&users, &ann, "ann@stale.example", Some(created.version)).await;
    assert_eq!(conflict(stale), Some(Version(2)));
    let found = users
        .queries
        .send::<OneUser>(asked(Id { id: ann.clone() }, token))
        .await?;
    let profile = Profile {
        id: ann.clone(),
        email: format!("ann@{new}"),
        version: Version(2),
    };
    assert_eq!(found.value, Some(profile));
    println!("changed:   one address, and not by who has missed that");

    assert_eq!(in_domain(&users, &old, token).await?, [bob.as_str()]);
    assert_eq!(in_domain(&users, &new, token).await?, [ann.as_str()]);
    println!("by domain: the old one has lost what the new one has gained");

    let summary = |user| users.queries.send::<Summary>(asked(user, token));
    let (created, changes) = (1, 1);
    assert_eq!(
        summary(Some(ann.clone())).await?.value,
        Activity { created, changes }
    );
    let all = summary(None).await?.value;
    assert!(all.created >= 2 && all.changes >= 1);
    println!(
        "activity:  {} users created, {} addresses changed",
        all.created, all.changes
    );

    let after = Version::NONE;
    let ann = history(&events, &History { id: ann, after }).await?.value;
    let happened = [
        UserEvent::UserCreated {
            email: format!("ann@{old}"),
        },
        UserEvent::EmailChanged {
            email: format!("ann@{new}"),
        },
    ];
    let happened = (1..).map(Version).zip(happened);
    assert!(
        ann.into_iter()
            .eq(happened.map(|(version, event)| Entry { version, event }))
    );
    println!("history:   as it happened");
    users.views.stop().await;
    Ok(())
}

async fn create(users: &Service, id: &str, email: &str) -> Told<Committed<UserEvent>> {
    let (id, email) = (id.to_owned(), email.to_owned());
    let create = UserCommand::Create { id, email };
    users
        .commands
        .send::<Users>(CommandRequest::new(create))
        .await
}

/// Changes an address; if the caller has seen a version, only at this one.
async fn change(
    users: &Service,
    id: &str,
    email: &str,
    seen: Option<Version>,
) -> Told<Committed<UserEvent>> {
    let (id, email) = (id.to_owned(), email.to_owned());
    let mut change = CommandRequest::new(UserCommand::ChangeEmail { id, email });
    change.expected = seen.map(Expected::Exact);
    users.commands.send::<Users>(change).await
}

/// The users of a domain.
async fn in_domain(users: &Service, domain: &str, token: ConsistencyToken) -> Result<Vec<String>> {
    let (domain, after) = (domain.to_owned(), None);
    let asked = asked(Domain { domain, after }, token);
    let page = users.queries.send::<ByDomain>(asked).await?.value;
    Ok(page.users.into_iter().map(|user| user.id).collect())
}

fn asked<Q>(query: Q, token: ConsistencyToken) -> QueryRequest<Q> {
    QueryRequest::new(query).at_least(token)
}

fn rejection(told: Told<Committed<UserEvent>>) -> Option<No> {
    failure(told)?.rejection().copied()
}

/// Where the user is, if not where the caller expected.
fn conflict(told: Told<Committed<UserEvent>>) -> Option<Version> {
    match failure(told)? {
        CommandError::Conflict { actual, .. } => Some(actual),
        _ => None,
    }
}

fn failure(told: Told<Committed<UserEvent>>) -> Option<CommandError<No>> {
    match told {
        Err(BusError::Failed(failed)) => failed.into_inner(),
        _ => None,
    }
}
