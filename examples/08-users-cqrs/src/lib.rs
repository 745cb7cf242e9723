//! Users by CQRS: what may happen to them, and what can be asked. The next example serves the same over HTTP.

mod history;
mod queries;
mod service;
mod users;
mod views;

pub use self::{
    history::{Entry, History, history},
    queries::{ByDomain, Domain, Id, OneUser, Page, Summary},
    service::{Service, Views},
    users::{No, UserCommand, UserEvent, Users},
    views::{Activities, Activity, Profile, Profiles},
};
