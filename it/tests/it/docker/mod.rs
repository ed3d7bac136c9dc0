//! Jobs on a cluster whose hosts are containers: `docker/docker-compose.yml`, as its README has it used.

mod demo;
mod support;
