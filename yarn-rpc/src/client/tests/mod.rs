mod follow;
mod methods;
mod security;

use std::time::Duration;

use yarn_common::{
    id::ApplicationId,
    launch::ContainerLaunchContext,
    resource::{Priority, Resource},
    submission::ApplicationSubmissionContext,
};

use super::*;
use crate::{
    ipc::ExceptionKind,
    proto::yarn::{
        ApplicationAttemptIdProto, ApplicationReportProto, FinalApplicationStatusProto,
        GetApplicationReportRequestProto, GetApplicationReportResponseProto, GetNewApplicationRequestProto,
        GetNewApplicationResponseProto, KillApplicationRequestProto, KillApplicationResponseProto,
        SubmitApplicationRequestProto, SubmitApplicationResponseProto, YarnApplicationStateProto,
    },
    testing::{Listener, Peer, network},
};

fn id() -> ApplicationId {
    ApplicationId::new(1_700_000_000_000, 7)
}

fn client() -> (YarnClient, Listener) {
    let (ipc, listener) = network(&[]);
    let addresses = vec!["rm:8032".to_owned()];
    let identity = Identity::Simple {
        user: "alice".to_owned(),
    };
    let options = YarnClientOptions {
        addresses,
        identity,
        retry: RetryPolicy::RESOURCE_MANAGER,
        ipc,
    };
    (YarnClient::new(options).unwrap(), listener)
}

fn launch() -> ContainerLaunchContext {
    ContainerLaunchContext {
        commands: vec!["./master".to_owned()],
        ..Default::default()
    }
}

async fn accept_alice(listener: &mut Listener) -> Peer {
    let mut peer = listener.accept().await;
    assert_eq!(peer.bytes(7).await[6], 0);
    assert_eq!(peer.context().await.user_info.unwrap().effective_user(), "alice");
    peer
}

#[tokio::test]
async fn an_application_is_named_submitted_followed_and_killed() {
    let (client, mut listener) = client();
    let mut application = ApplicationSubmissionContext::new(id(), "wc", Resource::new(512, 1), launch());
    application.tags.insert("tag".to_owned());
    application.priority = Some(Priority(3));
    application.max_app_attempts = Some(2);
    application.am_node_label = Some("masters".to_owned());
    application.attempt_failures_validity_interval = Some(Duration::from_secs(10));
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        let named = GetNewApplicationResponseProto {
            application_id: Some(id().into()),
            maximum_capability: Some((&Resource::new(8192, 4)).into()),
        };
        peer.serve::<GetNewApplicationRequestProto>("getNewApplication", &named)
            .await;
        let submitted: SubmitApplicationRequestProto = peer
            .serve("submitApplication", &SubmitApplicationResponseProto {})
            .await;
        let report = ApplicationReportProto {
            application_id: Some(id().into()),
            yarn_application_state: Some(YarnApplicationStateProto::Finished.into()),
            final_application_status: Some(FinalApplicationStatusProto::AppFailed.into()),
            rpc_port: Some(-1),
            // As real servers report it before the first attempt.
            current_application_attempt_id: Some(ApplicationAttemptIdProto {
                application_id: Some(id().into()),
                attempt_id: Some(-1),
            }),
            ..Default::default()
        };
        let reported = GetApplicationReportResponseProto {
            application_report: Some(report),
        };
        peer.serve::<GetApplicationReportRequestProto>("getApplicationReport", &reported)
            .await;
        for completed in [false, true] {
            let answer = KillApplicationResponseProto {
                is_kill_completed: Some(completed),
            };
            let kill: KillApplicationRequestProto = peer.serve("forceKillApplication", &answer).await;
            assert_eq!(kill.diagnostics(), "enough");
            if !completed {
                peer.serve::<GetApplicationReportRequestProto>("getApplicationReport", &reported)
                    .await;
            }
        }
        submitted.application_submission_context.unwrap()
    };
    let walk = async {
        let new = client.new_application().await.unwrap();
        assert_eq!(
            new,
            NewApplication {
                id: id(),
                maximum_capability: Resource::new(8192, 4)
            }
        );
        client.submit(&application).await.unwrap();
        let report = client.application(id()).await.unwrap();
        assert!(report.state.is_final());
        assert_eq!(
            (report.final_status, report.rpc_port),
            (FinalApplicationStatus::Failed, None)
        );
        assert_eq!(report.attempt, None);
        assert_eq!(report.diagnostics, "", "absent text is empty");
        [
            client.kill(id(), Some("enough")).await.unwrap(),
            client.kill(id(), Some("enough")).await.unwrap(),
        ]
    };
    let (killed, context) = tokio::join!(walk, serve);
    assert_eq!(killed, [ApplicationState::Finished, ApplicationState::Killed]);
    assert_eq!((context.application_name(), context.max_app_attempts()), ("wc", 2));
    assert_eq!(
        (
            context.application_tags.as_slice(),
            context.priority.unwrap().priority()
        ),
        (&["tag".to_owned()][..], 3)
    );
    assert_eq!(context.attempt_failures_validity_interval(), 10_000);
    let [ask] = context.am_container_resource_request.as_slice() else {
        panic!("one ask for the master")
    };
    assert_eq!((ask.resource_name(), ask.node_label_expression()), ("*", "masters"));
}

#[tokio::test]
async fn an_unknown_application_is_an_exception_of_its_class() {
    let (client, mut listener) = client();
    let refuse = async {
        let mut peer = accept_alice(&mut listener).await;
        let class = "org.apache.hadoop.yarn.exceptions.ApplicationNotFoundException";
        peer.refuse::<GetApplicationReportRequestProto>("getApplicationReport", class, "doesn't exist in RM")
            .await;
    };
    let (report, ()) = tokio::join!(client.application(id()), refuse);
    let error = report.unwrap_err();
    assert_eq!(error.exception().unwrap().kind(), ExceptionKind::ApplicationNotFound);
    assert!(error.is_not_found());
}
