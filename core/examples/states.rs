//! Prints the diagrams of the states, `docs/states.md`.

#![allow(clippy::print_stdout, reason = "a command-line program")]

fn main() {
    print!("{}", selvedge_core::status::states_page());
}
