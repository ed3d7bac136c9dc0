use selvedge_core::InstanceId;
use tonic::Status;

use super::handshake::{self, BUILD, VERSION};
use super::proto::ProcessIdentity;
use super::{GatewayError, GatewayResult, after_reset};

fn message(refused: GatewayResult<()>) -> String {
    match refused {
        Err(GatewayError::Rejected(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn processes_of_one_build_accept_each_other() {
    let worker = handshake::of_worker(InstanceId::from_bytes([1; 16]));
    assert_eq!(handshake::check("worker", Some(&worker)), Ok(()));
    assert_eq!(handshake::check("master", Some(&handshake::of_master())), Ok(()));
}

#[test]
fn another_version_or_build_is_refused_and_both_are_named() {
    let other_version = ProcessIdentity {
        version: "9.9.9".to_owned(),
        ..handshake::of_master()
    };
    let other_build = ProcessIdentity {
        build: "yesterday".to_owned(),
        ..handshake::of_master()
    };
    for (peer, named) in [(other_version, "version 9.9.9"), (other_build, "build yesterday")] {
        let message = message(handshake::check("worker", Some(&peer)));
        assert!(message.starts_with("the worker is version"), "{message}");
        for name in [named, VERSION, BUILD] {
            assert!(message.contains(name), "{message} has no {name}");
        }
    }
    // One from before there was a handshake says nothing.
    let message = message(handshake::check("master", None));
    assert!(message.contains("version unknown, build unknown"), "{message}");
}

#[test]
fn every_error_is_the_same_on_the_other_side() {
    let text = || "why".to_owned();
    for error in [
        GatewayError::Fenced(text()),
        GatewayError::Rejected(text()),
        GatewayError::TooLarge(text()),
        GatewayError::Busy(text()),
        GatewayError::Unreachable(text()),
        GatewayError::Broken(text()),
        GatewayError::TimedOut(text()),
        GatewayError::Unauthorised(text()),
    ] {
        assert_eq!(GatewayError::from(Status::from(error.clone())), error);
    }
    let fault = GatewayError::from(Status::from(GatewayError::Internal(text())));
    assert!(
        matches!(&fault, GatewayError::Internal(message) if message.contains("why")),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_callee_is_asked_until_a_connection_holds_or_is_refused() {
    let broken = || GatewayError::Broken("reset".to_owned());
    for (failures, last, expected) in [
        (3, Ok(()), Ok(())),
        (
            1,
            Err(GatewayError::TimedOut("10 s".to_owned())),
            Err(GatewayError::TimedOut("10 s".to_owned())),
        ),
        (1000, Ok(()), Err(GatewayError::Unreachable("reset".to_owned()))),
    ] {
        let asked = std::cell::Cell::new(0);
        let call = || {
            asked.set(asked.get() + 1);
            let answer = if asked.get() <= failures {
                Err(broken())
            } else {
                last.clone()
            };
            std::future::ready(answer)
        };
        assert_eq!(after_reset(call).await, expected);
    }
}
