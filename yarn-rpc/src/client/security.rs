//! Delegation tokens and reservations.

use yarn_common::token::Token;

use super::{YarnClient, YarnClientError};
use crate::proto::{
    common::{
        CancelDelegationTokenRequestProto, CancelDelegationTokenResponseProto, GetDelegationTokenRequestProto,
        GetDelegationTokenResponseProto, RenewDelegationTokenRequestProto, RenewDelegationTokenResponseProto,
    },
    yarn::{
        GetNewReservationRequestProto, GetNewReservationResponseProto, ReservationAllocationStateProto,
        ReservationDefinitionProto, ReservationDeleteRequestProto, ReservationDeleteResponseProto, ReservationIdProto,
        ReservationListRequestProto, ReservationListResponseProto, ReservationSubmissionRequestProto,
        ReservationSubmissionResponseProto, ReservationUpdateRequestProto, ReservationUpdateResponseProto,
    },
};

impl YarnClient {
    /// A delegation token with which a program without a ticket can act as the caller. `renewer` may renew it: a short
    /// name or a principal, `yarn` for the ResourceManager. Secure clusters only.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn delegation_token(&self, renewer: &str) -> Result<Token, YarnClientError> {
        const STEP: &str = "getDelegationToken";
        let request = GetDelegationTokenRequestProto {
            renewer: renewer.to_owned(),
        };
        let answer: GetDelegationTokenResponseProto = self.call(STEP, &request).await?;
        Self::field(STEP, answer.token, "delegation token")
    }

    /// Renews a delegation token; tells when it expires now, in milliseconds since the epoch.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn renew_delegation_token(&self, token: &Token) -> Result<u64, YarnClientError> {
        let request = RenewDelegationTokenRequestProto { token: token.into() };
        let answer: RenewDelegationTokenResponseProto = self.call("renewDelegationToken", &request).await?;
        Ok(answer.new_expiry_time)
    }

    /// Makes a delegation token worthless.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn cancel_delegation_token(&self, token: &Token) -> Result<(), YarnClientError> {
        let request = CancelDelegationTokenRequestProto { token: token.into() };
        self.call::<_, CancelDelegationTokenResponseProto>("cancelDelegationToken", &request)
            .await?;
        Ok(())
    }

    /// A fresh reservation id.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn new_reservation(&self) -> Result<ReservationIdProto, YarnClientError> {
        const STEP: &str = "getNewReservation";
        let answer: GetNewReservationResponseProto = self.call(STEP, &GetNewReservationRequestProto {}).await?;
        Self::field(STEP, answer.reservation_id, "reservation id")
    }

    /// Sets capacity of a queue aside for a time. Applications use it by naming the id in their submission.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn submit_reservation(
        &self,
        id: ReservationIdProto,
        queue: &str,
        definition: ReservationDefinitionProto,
    ) -> Result<(), YarnClientError> {
        let request = ReservationSubmissionRequestProto {
            queue: Some(queue.to_owned()),
            reservation_definition: Some(definition),
            reservation_id: Some(id),
        };
        self.call::<_, ReservationSubmissionResponseProto>("submitReservation", &request)
            .await?;
        Ok(())
    }

    /// Replaces what is set aside.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn update_reservation(
        &self,
        id: ReservationIdProto,
        definition: ReservationDefinitionProto,
    ) -> Result<(), YarnClientError> {
        let request = ReservationUpdateRequestProto {
            reservation_definition: Some(definition),
            reservation_id: Some(id),
        };
        self.call::<_, ReservationUpdateResponseProto>("updateReservation", &request)
            .await?;
        Ok(())
    }

    /// Gives a reservation up.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn delete_reservation(&self, id: ReservationIdProto) -> Result<(), YarnClientError> {
        let request = ReservationDeleteRequestProto {
            reservation_id: Some(id),
        };
        self.call::<_, ReservationDeleteResponseProto>("deleteReservation", &request)
            .await?;
        Ok(())
    }

    /// Reservations of a queue: what the request names, or all.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn reservations(
        &self,
        request: ReservationListRequestProto,
    ) -> Result<Vec<ReservationAllocationStateProto>, YarnClientError> {
        let answer: ReservationListResponseProto = self.call("listReservations", &request).await?;
        Ok(answer.reservations)
    }
}
