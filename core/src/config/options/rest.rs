//! Options of the REST endpoint.

use super::super::ConfigOption;

/// The name under which clients reach it.
pub const ADDRESS: ConfigOption<String> =
    ConfigOption::new("rest.address", "The host under which clients reach the REST endpoint.");
/// The address that it binds to.
pub const BIND_ADDRESS: ConfigOption<String> =
    ConfigOption::new("rest.bind-address", "The address that the REST endpoint binds to.");
/// Its port, for clients.
pub const PORT: ConfigOption<u32> =
    ConfigOption::new("rest.port", "The port of the REST endpoint, for clients.").with_default("8081");
/// The ports that it tries.
pub const BIND_PORT: ConfigOption<String> = ConfigOption::new(
    "rest.bind-port",
    "The port, list or range of ports that the REST endpoint tries to bind.",
)
.with_default("0");
