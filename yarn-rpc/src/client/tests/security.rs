//! Delegation tokens and reservations.

use yarn_common::token::{Token, TokenKind};

use super::methods::{exchange, some};
#[allow(clippy::wildcard_imports, reason = "nearly every message of the protocol")]
use crate::proto::{common::*, yarn::*};

#[tokio::test]
async fn delegation_tokens_are_given_renewed_and_cancelled() {
    let token = Token::new(vec![1], vec![2], TokenKind::from("RM_DELEGATION_TOKEN"), "rm:8032");
    let given = GetDelegationTokenResponseProto {
        token: some((&token).into()),
    };
    let (request, got): (GetDelegationTokenRequestProto, _) = exchange("getDelegationToken", given, async |client| {
        client.delegation_token("yarn").await
    })
    .await;
    assert_eq!((request.renewer.as_str(), &got), ("yarn", &token));
    let renewed = RenewDelegationTokenResponseProto { new_expiry_time: 9 };
    let (_, expiry): (RenewDelegationTokenRequestProto, _) =
        exchange("renewDelegationToken", renewed, async |client| {
            client.renew_delegation_token(&token).await
        })
        .await;
    assert_eq!(expiry, 9);
    let (request, ()): (CancelDelegationTokenRequestProto, _) = exchange(
        "cancelDelegationToken",
        CancelDelegationTokenResponseProto {},
        async |client| client.cancel_delegation_token(&token).await,
    )
    .await;
    assert_eq!(request.token, TokenProto::from(&token));
}

#[tokio::test]
async fn reservations_are_made_changed_listed_and_given_up() {
    let reservation = ReservationIdProto {
        id: some(1),
        cluster_timestamp: some(2),
    };
    let definition = ReservationDefinitionProto {
        arrival: some(10),
        deadline: some(20),
        ..Default::default()
    };
    let named = GetNewReservationResponseProto {
        reservation_id: some(reservation),
    };
    let (_, id): (GetNewReservationRequestProto, _) = exchange("getNewReservation", named, async |client| {
        client.new_reservation().await
    })
    .await;
    let (request, ()): (ReservationSubmissionRequestProto, _) = exchange(
        "submitReservation",
        ReservationSubmissionResponseProto {},
        async |client| client.submit_reservation(id, "root.r", definition.clone()).await,
    )
    .await;
    assert_eq!((request.queue(), request.reservation_id), ("root.r", Some(reservation)));
    let (request, ()): (ReservationUpdateRequestProto, _) =
        exchange("updateReservation", ReservationUpdateResponseProto {}, async |client| {
            client.update_reservation(id, definition.clone()).await
        })
        .await;
    assert_eq!(request.reservation_definition.unwrap().deadline(), 20);
    let listed = ReservationListResponseProto {
        reservations: vec![ReservationAllocationStateProto {
            reservation_id: some(reservation),
            ..Default::default()
        }],
    };
    let (_, found): (ReservationListRequestProto, _) = exchange("listReservations", listed, async |client| {
        client.reservations(ReservationListRequestProto::default()).await
    })
    .await;
    assert_eq!(found[0].reservation_id, Some(reservation));
    let (request, ()): (ReservationDeleteRequestProto, _) =
        exchange("deleteReservation", ReservationDeleteResponseProto {}, async |client| {
            client.delete_reservation(id).await
        })
        .await;
    assert_eq!(request.reservation_id, Some(reservation));
}
