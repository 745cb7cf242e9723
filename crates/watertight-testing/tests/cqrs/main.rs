//! Given, when, then: what passes, what fails, and what is said then.

mod deciders;
mod shop;
mod views;
