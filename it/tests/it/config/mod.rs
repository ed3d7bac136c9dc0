//! The configuration as a user meets it: `selvedge config`, and commands that refuse what is wrong.

mod command;
mod refused;
mod travels;
