//! Every layer around the handlers of commands and of queries.

mod checks;
mod commands;
mod desk;
mod gate;
mod queries;
