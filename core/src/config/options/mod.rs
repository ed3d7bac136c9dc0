//! The declared options, one file per area.
//!
//! What a program asks for is a constant. What Flink has besides is a row of the area's table below "not yet": read, checked,
//! shown and carried on, with a warning that nothing goes by it. A row becomes a constant when something does.

/// The table of an area. A row reads: what it is for, key: kind = default in unit or fallback keys formerly old keys.
macro_rules! area {
    (
        $name:literal, $title:literal;
        $(options { $($option:ident,)+ })?
        $(families { $(#[doc = $about:literal] $form:literal: $form_kind:ident;)+ })?
        $(not yet { $(
            #[doc = $text:literal]
            $key:literal: $kind:ident $([$($word:literal),+])?
                $(= $default:literal)? $(in $unit:literal)? $(or $($fallback:literal)|+)? $(formerly $($old:literal)|+)?;
        )+ })?
        $(families not yet { $(#[doc = $later_about:literal] $later_form:literal: $later_kind:ident;)+ })?
    ) => {
        pub(super) const AREA: super::Area = super::Area {
            name: $name,
            title: $title,
            options: &[$($($option.declaration(),)+)?],
            not_yet: &[$($(
                super::Declaration::new($key, super::Kind::$kind $((&[$($word),+]))?, $text)
                    $(.with_default($default))?
                    $(.with_unit($unit))?
                    $(.with_fallback_keys(&[$($fallback),+]))?
                    $(.with_deprecated_keys(&[$($old),+]))?
                    .not_in_effect(),
            )+)?],
            families: &[
                $($(super::Family::new($form, super::Kind::$form_kind, $about),)+)?
                $($(super::Family::new($later_form, super::Kind::$later_kind, $later_about).not_in_effect(),)+)?
            ],
        };
    };
}

pub mod blob;
pub mod checkpointing;
pub mod cleanup_strategy;
pub mod client;
pub mod cluster;
pub mod containerized;
pub mod env;
pub mod execution;
pub mod external_resource;
pub mod fs;
pub mod general;
pub mod heartbeat;
pub mod high_availability;
pub mod historyserver;
pub mod io;
pub mod job_result_store;
pub mod jobmanager;
pub mod metrics;
pub mod pekko;
pub mod pipeline;
pub mod process;
pub mod resourcemanager;
pub mod rest;
pub mod restart_strategy;
pub mod security;
pub mod slot;
pub mod task;
pub mod taskmanager;
pub mod web;
pub mod yarn;

use super::{Area, Declaration, Family, Kind};

/// The areas, in the order in which they are shown.
pub(super) static AREAS: &[Area] = &[
    general::AREA,
    external_resource::AREA,
    execution::AREA,
    checkpointing::AREA,
    restart_strategy::AREA,
    jobmanager::AREA,
    taskmanager::AREA,
    yarn::AREA,
    rest::AREA,
    web::AREA,
    high_availability::AREA,
    job_result_store::AREA,
    cleanup_strategy::AREA,
    security::AREA,
    metrics::AREA,
    blob::AREA,
    heartbeat::AREA,
    resourcemanager::AREA,
    io::AREA,
    cluster::AREA,
    client::AREA,
    pipeline::AREA,
    slot::AREA,
    task::AREA,
    env::AREA,
    containerized::AREA,
    process::AREA,
    fs::AREA,
    historyserver::AREA,
    pekko::AREA,
];
