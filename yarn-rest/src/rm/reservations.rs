//! Reservations: a share of a queue for a time to come. They need `yarn.resourcemanager.reservation-system.enable` and a
//! queue that is reservable.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::{CLUSTER, RmClient};
use crate::error::RestError;
use crate::http::Call;
use crate::lenient;
use crate::model::{Reservation, ReservationDefinition, ReservationFilter, ReservationId};

impl RmClient {
    /// Asks for an id. An id that is not used does no harm.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn new_reservation(&self) -> Result<ReservationId, RestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Answer {
            reservation_id: ReservationId,
        }
        let call = Call::new(
            Method::POST,
            "get a new reservation id",
            format!("{CLUSTER}/reservation/new-reservation"),
        );
        self.whole::<Answer>(call).await.map(|answer| answer.reservation_id)
    }

    /// Reserves in `queue`. The same reservation submitted twice is reserved once.
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidRequest`](crate::error::RestErrorKind::InvalidRequest) where the definition contradicts
    /// itself; [`RestError`], where there is no room in the plan, too.
    pub async fn submit_reservation(
        &self,
        id: &ReservationId,
        queue: &str,
        definition: &ReservationDefinition,
    ) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            format!("submit {id}"),
            format!("{CLUSTER}/reservation/submit"),
        );
        let definition = definition.to_json().map_err(|reason| self.invalid(&call, &reason))?;
        let body = json!({ "queue": queue, "reservation-id": id, "reservation-definition": definition });
        self.done(call.json(&body)).await
    }

    /// Changes a reservation to another definition, if the plan has room for it; else it stays as it was.
    ///
    /// # Errors
    /// As [`submit_reservation`](Self::submit_reservation).
    pub async fn update_reservation(
        &self,
        id: &ReservationId,
        definition: &ReservationDefinition,
    ) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            format!("update {id}"),
            format!("{CLUSTER}/reservation/update"),
        );
        let definition = definition.to_json().map_err(|reason| self.invalid(&call, &reason))?;
        let body = json!({ "reservation-id": id, "reservation-definition": definition });
        self.done(call.json(&body)).await
    }

    /// Gives a reservation up.
    ///
    /// # Errors
    /// [`RestError`]; one that is not there is a `RemoteException` of the class `IllegalArgumentException`.
    pub async fn delete_reservation(&self, id: &ReservationId) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            format!("delete {id}"),
            format!("{CLUSTER}/reservation/delete"),
        )
        .once();
        self.done(call.json(&json!({ "reservation-id": id }))).await
    }

    /// The reservations in `queue`.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn reservations(&self, queue: &str, filter: &ReservationFilter) -> Result<Vec<Reservation>, RestError> {
        let mut query = Serializer::new(String::new());
        query.append_pair("queue", queue);
        if let Some(id) = &filter.id {
            query.append_pair("reservation-id", &id.to_string());
        }
        for (key, time) in [("start-time", filter.from), ("end-time", filter.until)] {
            if let Some(time) = time {
                query.append_pair(key, &time.as_millis().to_string());
            }
        }
        query.append_pair("include-resource-allocations", &filter.allocations.to_string());
        let call = Call::get(
            format!("list the reservations in {queue}"),
            format!("{CLUSTER}/reservation/list"),
        )
        .query(query.finish());
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, served.base())?;
        lenient::items_of(json!({ "list": body }), "list", "reservations")
            .map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }
}
