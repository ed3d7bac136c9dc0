//! HAServiceProtocol: whether a server is the active one.
//!
//! A standby ResourceManager does not listen on the ports of its clients at all, so clients need no such question to
//! find the active one; it tells people and monitors apart "standby" and "dead".

use crate::{
    ipc::{CallOptions, Identity, IpcClient, IpcError, IpcOptions, Protocol},
    proto::common::{GetServiceStatusRequestProto, GetServiceStatusResponseProto, HaServiceStateProto},
};

/// The part that a server plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HaState {
    /// It is starting.
    Initializing,
    /// It serves.
    Active,
    /// It waits to take over.
    Standby,
    /// It answers reads (HDFS only).
    Observer,
}

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaStatus {
    /// Its part.
    pub state: HaState,
    /// Why it could not become active now; `None` where it could.
    pub not_ready: Option<String>,
}

/// Asks the server at `address` (a ResourceManager's admin address, default port 8033) for its part, once.
///
/// # Errors
/// See [`IpcError`]. A server without high availability refuses with an exception.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn service_status(address: &str, identity: Identity, options: IpcOptions) -> Result<HaStatus, IpcError> {
    let client = IpcClient::new(address, Protocol::HA_SERVICE, identity, options);
    let request = GetServiceStatusRequestProto {};
    let answer: GetServiceStatusResponseProto = client
        .call("getServiceStatus", &request, CallOptions::default())
        .await?;
    let state = match answer.state() {
        HaServiceStateProto::Initializing => HaState::Initializing,
        HaServiceStateProto::Active => HaState::Active,
        HaServiceStateProto::Standby => HaState::Standby,
        HaServiceStateProto::Observer => HaState::Observer,
    };
    let ready = answer.ready_to_become_active();
    let reason = answer.not_ready_reason.unwrap_or_default();
    Ok(HaStatus {
        state,
        not_ready: (!ready).then_some(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::network;

    #[tokio::test]
    async fn a_standby_says_so_and_why_it_is_not_ready() {
        let table = [
            (HaServiceStateProto::Active, None, HaState::Active),
            (HaServiceStateProto::Standby, Some("store is down"), HaState::Standby),
            (
                HaServiceStateProto::Initializing,
                Some("starting"),
                HaState::Initializing,
            ),
        ];
        for (state, reason, expected) in table {
            let (options, mut listener) = network(&[]);
            let identity = Identity::Simple {
                user: "alice".to_owned(),
            };
            let answer = GetServiceStatusResponseProto {
                state: state.into(),
                ready_to_become_active: Some(reason.is_none()),
                not_ready_reason: reason.map(str::to_owned),
            };
            let serve = async {
                let mut peer = listener.accept().await;
                peer.bytes(7).await;
                assert_eq!(
                    peer.context().await.protocol(),
                    "org.apache.hadoop.ha.HAServiceProtocol"
                );
                peer.serve::<GetServiceStatusRequestProto>("getServiceStatus", &answer)
                    .await;
            };
            let (status, ()) = tokio::join!(service_status("rm:8033", identity, options), serve);
            let status = status.unwrap();
            assert_eq!((status.state, status.not_ready.as_deref()), (expected, reason));
        }
    }
}
