//! YARN's identifiers in Hadoop's text forms.
//!
//! | type | text |
//! | --- | --- |
//! | [`ApplicationId`] | `application_1700000000000_0007` |
//! | [`ApplicationAttemptId`] | `appattempt_1700000000000_0007_000001` |
//! | [`ContainerId`] | `container_1700000000000_0007_01_000002`, `container_e17_1700000000000_0007_01_000002` |
//! | [`ReservationId`] | `reservation_1700000000000_0001` |
//! | [`NodeId`] | `host:port`, `[::1]:port` |
//!
//! All of them serialize as that text. Parsing accepts numbers with fewer leading zeros than Hadoop writes.

mod application;
mod attempt;
mod container;
mod node;
mod parse;
mod reservation;

pub use application::ApplicationId;
pub use attempt::ApplicationAttemptId;
pub use container::ContainerId;
pub use node::NodeId;
pub use parse::ParseIdError;
pub use reservation::ReservationId;

#[cfg(test)]
mod tests;
