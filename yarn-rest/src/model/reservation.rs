use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use yarn_common::id::ReservationId;

use super::{Extra, ResourceInfo};
use crate::lenient;

/// How the requests of a reservation stand to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReservationInterpreter {
    /// One of them will do.
    Any,
    /// All are needed, at any time.
    #[default]
    All,
    /// All are needed, in their order.
    Order,
    /// All are needed, in their order and without a gap.
    OrderNoGap,
}

/// What is to be reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationDefinition {
    /// Its name in lists.
    pub name: String,
    /// The beginning of the window, as time since the epoch.
    pub arrival: Duration,
    /// Its end.
    pub deadline: Duration,
    /// The lower wins, 0 at least.
    pub priority: u32,
    /// How often it comes again; `None` for once.
    pub recurrence: Option<Duration>,
    /// How the requests stand to each other.
    pub interpreter: ReservationInterpreter,
    /// What is needed; at least one.
    pub requests: Vec<ReservationRequest>,
}

/// Containers for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRequest {
    /// Memory of each in MiB.
    pub memory_mb: u64,
    /// Cores of each.
    pub vcores: u32,
    /// How many in all.
    pub containers: u32,
    /// How many at least at the same time.
    pub min_concurrency: u32,
    /// For how long each is needed.
    pub duration: Duration,
}

impl ReservationDefinition {
    pub(crate) fn to_json(&self) -> Result<Value, String> {
        self.check()?;
        let requests: Vec<_> = self.requests.iter().map(ReservationRequest::to_json).collect();
        let recurrence = self.recurrence.map_or(0, |every| every.as_millis());
        Ok(json!({
            "arrival": self.arrival.as_millis() as u64,
            "deadline": self.deadline.as_millis() as u64,
            "reservation-name": self.name,
            "priority": self.priority,
            "recurrence-expression": recurrence.to_string(),
            "reservation-requests": {
                "reservation-request-interpreter": self.interpreter as u8,
                "reservation-request": requests,
            },
        }))
    }

    fn check(&self) -> Result<(), String> {
        if self.requests.is_empty() {
            return Err("the reservation asks for nothing: give at least one request".to_owned());
        }
        if self.arrival >= self.deadline {
            return Err(format!(
                "the reservation begins at {:?} and must be over at {:?}, which is not later",
                self.arrival, self.deadline
            ));
        }
        for request in &self.requests {
            let ReservationRequest {
                memory_mb,
                containers,
                min_concurrency,
                duration,
                ..
            } = request;
            if *memory_mb == 0 || *containers == 0 || duration.is_zero() {
                return Err(format!(
                    "a request has no memory, no containers or no duration: {request:?}"
                ));
            }
            if *min_concurrency == 0 || min_concurrency > containers {
                return Err(format!(
                    "{min_concurrency} of {containers} containers cannot run at the same time: give 1 to {containers}"
                ));
            }
            if self.arrival + *duration > self.deadline {
                return Err(format!("{duration:?} do not fit between arrival and deadline"));
            }
        }
        Ok(())
    }
}

impl ReservationRequest {
    fn to_json(&self) -> Value {
        json!({
            "duration": self.duration.as_millis() as u64,
            "num-containers": self.containers,
            "min-concurrency": self.min_concurrency,
            "capability": { "memory": self.memory_mb, "vCores": self.vcores },
        })
    }
}

/// Which reservations are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReservationFilter {
    /// Only this one.
    pub id: Option<ReservationId>,
    /// Only those that end after this time since the epoch.
    pub from: Option<Duration>,
    /// Only those that begin before this time since the epoch.
    pub until: Option<Duration>,
    /// Whether what is planned is told, too.
    pub allocations: bool,
}

/// A reservation, as the ResourceManager has it.
///
/// `{"reservation-id":"…","user":"alice","acceptance-time":"…","resource-allocations":[…],"reservation-definition":{…}}`
///
/// Source: `ReservationInfo`; ResourceManagerRest.md, "Cluster Reservation API List".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Reservation {
    /// Its id.
    pub reservation_id: ReservationId,
    /// Who made it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// When it was accepted, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub acceptance_time: Option<u64>,
    /// What is planned, if it was asked for.
    #[serde(default, deserialize_with = "lenient::list")]
    pub resource_allocations: Vec<ReservationAllocation>,
    /// All other fields, `reservation-definition` among them.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A part of the plan.
///
/// `{"resource":{"memory":512,"vCores":1},"startTime":1,"endTime":2}`
///
/// Source: `ResourceAllocationInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReservationAllocation {
    /// What is set aside.
    #[serde(default)]
    pub resource: Option<ResourceInfo>,
    /// From when, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub start_time: Option<u64>,
    /// Until when, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub end_time: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}
