//! Applications that are submitted, refused and followed, by one ResourceManager or the next.

use std::collections::BTreeSet;

use yarn_common::token::{Token, TokenKind};

use super::*;
use crate::proto::yarn::{GetApplicationsRequestProto, GetApplicationsResponseProto};

const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";

fn report(state: YarnApplicationStateProto) -> ApplicationReportProto {
    ApplicationReportProto {
        application_id: Some(id().into()),
        yarn_application_state: Some(state.into()),
        ..Default::default()
    }
}

fn reported(report: ApplicationReportProto) -> GetApplicationReportResponseProto {
    GetApplicationReportResponseProto {
        application_report: Some(report),
    }
}

#[tokio::test]
async fn an_application_is_followed_through_all_states_to_its_end() {
    use YarnApplicationStateProto::{Accepted, Finished, New, NewSaving, Running, Submitted};
    let (client, mut listener) = client();
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        for state in [New, NewSaving, NewSaving, Submitted, Accepted, Running, Finished] {
            peer.serve::<GetApplicationReportRequestProto>("getApplicationReport", &reported(report(state)))
                .await;
        }
    };
    let (end, ()) = tokio::join!(client.wait_until_final(id(), Duration::ZERO), serve);
    assert_eq!(end.unwrap().state, ApplicationState::Finished);
}

#[tokio::test]
async fn a_wait_that_is_given_up_leaves_the_client_usable() {
    let (client, mut listener) = client();
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        let new = reported(report(YarnApplicationStateProto::New));
        peer.serve::<GetApplicationReportRequestProto>("getApplicationReport", &new)
            .await;
        peer
    };
    // The pause after the first look is never over.
    let mut peer = tokio::select! {
        _ = client.wait_until_final(id(), Duration::MAX) => panic!("it has not ended"),
        peer = serve => peer,
    };
    let killed = KillApplicationResponseProto {
        is_kill_completed: Some(true),
    };
    let (state, _) = tokio::join!(
        client.kill(id(), None),
        peer.serve::<KillApplicationRequestProto>("forceKillApplication", &killed)
    );
    assert_eq!(state.unwrap(), ApplicationState::Killed);
}

#[tokio::test]
async fn a_refused_submission_is_an_exception_and_not_repeated() {
    let (client, mut listener) = client();
    let mut application = ApplicationSubmissionContext::new(id(), "wc", Resource::new(512, 1), launch());
    application.queue = Some("nonexist".to_owned());
    let refuse = async {
        let mut peer = accept_alice(&mut listener).await;
        let class = "org.apache.hadoop.yarn.exceptions.YarnException";
        let message = "Failed to submit application_1 to YARN : Application submitted by user alice to unknown queue";
        peer.refuse::<SubmitApplicationRequestProto>("submitApplication", class, message)
            .await
    };
    let (submitted, request) = tokio::join!(client.submit(&application), refuse);
    let error = submitted.unwrap_err();
    assert!(matches!(error, YarnClientError::Call { retries: 0, .. }), "{error}");
    assert!(error.to_string().contains("unknown queue"), "{error}");
    assert_eq!(request.application_submission_context.unwrap().queue(), "nonexist");
}

#[tokio::test]
async fn applications_are_found_by_type_and_state() {
    let (client, mut listener) = client();
    let of_type = |kind: &str, state| ApplicationReportProto {
        application_type: Some(kind.to_owned()),
        ..report(state)
    };
    let answer = GetApplicationsResponseProto {
        applications: vec![
            of_type("YARN", YarnApplicationStateProto::Failed),
            of_type("NON-YARN", YarnApplicationStateProto::Finished),
        ],
    };
    let filter = ApplicationFilter {
        application_types: BTreeSet::from(["YARN".to_owned(), "NON-YARN".to_owned()]),
        states: vec![ApplicationState::Finished, ApplicationState::Failed],
        ..Default::default()
    };
    let everything = ApplicationFilter::default();
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        let narrow: GetApplicationsRequestProto = peer.serve("getApplications", &answer).await;
        let wide: GetApplicationsRequestProto = peer.serve("getApplications", &answer).await;
        (narrow, wide)
    };
    let calls = async {
        let found = client.applications(&filter).await.unwrap();
        client.applications(&everything).await.unwrap();
        found
    };
    let (found, (narrow, wide)) = tokio::join!(calls, serve);
    assert_eq!(narrow.application_types, ["NON-YARN", "YARN"]);
    assert_eq!(
        narrow.application_states,
        [
            i32::from(YarnApplicationStateProto::Finished),
            YarnApplicationStateProto::Failed.into()
        ]
    );
    assert!(wide.application_types.is_empty() && wide.application_states.is_empty());
    let kinds: Vec<_> = found
        .iter()
        .map(|report| (report.application_type.as_str(), report.state))
        .collect();
    assert_eq!(
        kinds,
        [
            ("YARN", ApplicationState::Failed),
            ("NON-YARN", ApplicationState::Finished)
        ]
    );
}

#[tokio::test]
async fn the_token_of_an_unmanaged_master_is_told_and_that_of_a_managed_one_is_not() {
    let (client, mut listener) = client();
    let token = Token::new(vec![1, 2], vec![3], TokenKind::AmRm, "");
    let unmanaged = ApplicationReportProto {
        unmanaged_application: Some(true),
        am_rm_token: Some((&token).into()),
        ..report(YarnApplicationStateProto::Accepted)
    };
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        for report in [unmanaged, report(YarnApplicationStateProto::Accepted)] {
            peer.serve::<GetApplicationReportRequestProto>("getApplicationReport", &reported(report))
                .await;
        }
    };
    let look = async {
        [
            client.application(id()).await.unwrap(),
            client.application(id()).await.unwrap(),
        ]
    };
    let ([unmanaged, managed], ()) = tokio::join!(look, serve);
    assert!(unmanaged.unmanaged && !managed.unmanaged);
    assert_eq!((unmanaged.am_rm_token, managed.am_rm_token), (Some(token), None));
}

#[tokio::test]
async fn a_client_follows_the_active_resource_manager_there_and_back() {
    let (ipc, mut listener) = network(&[]);
    let identity = Identity::Simple {
        user: "alice".to_owned(),
    };
    let options = YarnClientOptions {
        ipc,
        ..YarnClientOptions::new(vec!["rm1:8032".to_owned(), "rm2:8032".to_owned()], identity)
    };
    let client = YarnClient::new(options).unwrap();
    let listed = GetApplicationsResponseProto::default();
    let method = "getApplications";
    let serve = async {
        let mut first = accept_alice(&mut listener).await;
        assert_eq!(first.address, "rm1:8032");
        first.serve::<GetApplicationsRequestProto>(method, &listed).await;
        first.refuse::<GetApplicationsRequestProto>(method, STANDBY, "").await;
        let mut second = accept_alice(&mut listener).await;
        assert_eq!(second.address, "rm2:8032");
        second.serve::<GetApplicationsRequestProto>(method, &listed).await;
        // It stays the first to be asked.
        second.serve::<GetApplicationsRequestProto>(method, &listed).await;
        second.refuse::<GetApplicationsRequestProto>(method, STANDBY, "").await;
        first.serve::<GetApplicationsRequestProto>(method, &listed).await;
    };
    let calls = async {
        for _ in 0..4 {
            client.applications(&ApplicationFilter::default()).await.unwrap();
        }
    };
    tokio::join!(calls, serve);
}
