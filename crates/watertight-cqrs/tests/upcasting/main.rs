//! Events of the past, read as the events of today.

mod chains;
mod commands;
mod members;
mod reactors;
mod shapes;
mod views;
