//! Workers honour their budget: on YARN, with both memory checks on, in containers of 256 MiB.

mod budget;
mod held;
