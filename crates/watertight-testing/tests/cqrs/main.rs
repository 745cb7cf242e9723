//! Given, when, then: what passes, what fails, and what is said then.

mod deciders;
mod reactors;
mod shop;
mod views;
