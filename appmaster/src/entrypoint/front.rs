//! The servers' side of leadership: requests go to what this process has under its present leadership.
//!
//! REST waits a moment for a leader, as Flink's endpoint does, then sends the client to the leader's own endpoint, or says
//! that there is none. Workers are told at once, and come again.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvedge_runtime::ha::LeaderRetrieval;
use tokio::sync::watch;
use tonic::Status;
use tower::ServiceExt;

use super::leading::Gateways;
use crate::rest;

/// How long a request waits for a leader: the sum of Flink's twelve tries, 10 to 50 ms apart.
const LEADER_PATIENCE: Duration = Duration::from_millis(10 + 20 + 40 + 9 * 50);
const NO_LEADER: &str = "there is no leader: an election is under way; try again";

/// How this process stands, and what it has.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// It has not led yet.
    NeverLed,
    /// It leads.
    Leading(Gateways),
    /// It has led; these answer that they have ended.
    Led(Gateways),
}

impl Standing {
    /// It leads no more.
    pub(super) fn stand_by(&mut self) {
        if let Self::Leading(gateways) = self {
            *self = Self::Led(gateways.clone());
        }
    }

    /// What callers reach, of the present leadership or of the last one.
    pub(super) const fn last(&self) -> Option<&Gateways> {
        match self {
            Self::NeverLed => None,
            Self::Leading(gateways) | Self::Led(gateways) => Some(gateways),
        }
    }

    const fn leading(&self) -> Option<&Gateways> {
        match self {
            Self::Leading(gateways) => Some(gateways),
            Self::NeverLed | Self::Led(_) => None,
        }
    }
}

/// Answers clients.
#[derive(Clone, Debug)]
pub(super) struct RestFront {
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) leader: LeaderRetrieval,
    /// host:port of this process's own endpoint.
    pub(super) own_address: String,
}

impl RestFront {
    pub(super) fn router(self) -> Router {
        Router::new().fallback(move |request| self.clone().answer(request))
    }

    async fn answer(self, request: Request) -> Response {
        let (mut standing, leader) = (self.standing.clone(), self.leader.clone());
        let own = async {
            standing
                .wait_for(|now| now.leading().is_some())
                .await
                .ok()
                .and_then(|now| now.leading().cloned())
        };
        let found = async {
            tokio::select! {
                biased;
                own = own => own.map(Ok),
                other = other_leader(leader, &self.own_address) => Some(Err(other)),
            }
        };
        match tokio::time::timeout(LEADER_PATIENCE, found).await {
            Ok(Some(Ok(gateways))) => called(gateways.rest, request).await,
            Ok(Some(Err(other))) => redirect(&other, &request),
            Ok(None) | Err(_) => no_leader(),
        }
    }
}

async fn other_leader(mut leader: LeaderRetrieval, own_address: &str) -> String {
    let mut known = leader.current();
    loop {
        match known {
            Some(other) if other.address != own_address => return other.address,
            _ => known = leader.changed().await,
        }
    }
}

async fn called(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Method and body stay (307).
fn redirect(address: &str, request: &Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    match HeaderValue::try_from(format!("http://{address}{path}")) {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => no_leader(),
    }
}

fn no_leader() -> Response {
    rest::unavailable(NO_LEADER)
}

/// The services for workers.
pub(super) fn rpc_front(standing: watch::Receiver<Standing>) -> Router {
    let answer = move |request: Request| {
        let gateways = standing.borrow().leading().cloned();
        async move {
            match gateways {
                Some(gateways) => called(gateways.rpc, request).await,
                None => Status::unavailable(NO_LEADER).into_http(),
            }
        }
    };
    Router::new().fallback(answer)
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::{MasterStanding, Walk};

    use super::*;
    use crate::dispatcher::DispatcherHandle;
    use crate::resourcemanager::ResourceManagerHandle;

    fn leading() -> Standing {
        Standing::Leading(Gateways {
            dispatcher: DispatcherHandle::of_nobody(),
            resource_manager: ResourceManagerHandle::of_nobody(),
            rest: Router::new(),
            rpc: Router::new(),
        })
    }

    #[test]
    fn a_process_leads_and_stands_by_as_the_table_says() {
        use MasterStanding::{Leading, Led, NeverLed};
        let kind = |standing: &Standing| match standing {
            Standing::NeverLed => NeverLed,
            Standing::Leading(_) => Leading,
            Standing::Led(_) => Led,
        };
        let events: [fn(&mut Standing); 2] = [|standing| *standing = leading(), Standing::stand_by];
        let mut walk = Walk::new();
        let rows: &[(MasterStanding, &[MasterStanding])] = &[
            (NeverLed, &[Leading, NeverLed]),
            (Leading, &[Leading, Led]),
            (Led, &[Leading, Led]),
        ];
        walk.rows(&events, rows, |from, event| {
            let mut standing = match from {
                NeverLed => Standing::NeverLed,
                Leading | Led => leading(),
            };
            if from == Led {
                standing.stand_by();
            }
            event(&mut standing);
            assert_eq!(standing.leading().is_some(), kind(&standing) == Leading);
            kind(&standing)
        });
        walk.finish();
    }
}
