//! The declared options, one file per area.

pub mod cluster;
pub mod external_resource;
pub mod heartbeat;
pub mod jobmanager;
pub mod resourcemanager;
pub mod rest;
pub mod taskmanager;
pub mod yarn;
