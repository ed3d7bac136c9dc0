//! The conversation itself: one call at a time, found again after failures, registered again where necessary.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use yarn_common::token::Token;

use super::{Allocation, AmError, AmOptions, NmTokenCache, Registration, ask::Limits, events, exchange::Exchange};
use crate::{
    ipc::{ExceptionKind, Identity, IpcClient, IpcError, Protocol},
    proto::yarn::{
        AllocateResponseProto, AmCommandProto, FinalApplicationStatusProto, FinishApplicationMasterRequestProto,
        FinishApplicationMasterResponseProto, PlacementConstraintMapEntryProto, RegisterApplicationMasterRequestProto,
        RegisterApplicationMasterResponseProto,
    },
    retry::{Outcome, Servers},
    types::FinalStatus,
};

/// A ResourceManager that forgets us, or loses step with us, more often than this within one heartbeat is broken.
const MAX_RESYNCS: usize = 3;
/// The first answer is never the last: the ResourceManager stores the end meanwhile, which may take it a moment or longer.
const FINISH_POLLS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
const FINISH_PATIENCE: Duration = Duration::from_secs(60);
const REGISTER: &str = "registerApplicationMaster";
const FINISH: &str = "finishApplicationMaster";

/// Where the content of heartbeats is kept: beside the link, or shared with handles.
pub(super) trait Holder {
    fn with<R>(&mut self, action: impl FnOnce(&mut Exchange) -> R) -> R;
}

impl Holder for Exchange {
    fn with<R>(&mut self, action: impl FnOnce(&mut Exchange) -> R) -> R {
        action(self)
    }
}

#[derive(Debug)]
pub(super) struct Link {
    servers: Servers,
    nm_tokens: NmTokenCache,
    /// What was registered, to be said again after the ResourceManager restarts.
    introduction: Option<RegisterApplicationMasterRequestProto>,
    pub(super) constraints: Vec<PlacementConstraintMapEntryProto>,
    registered: bool,
    /// A registration was sent whose answer has not come: the ResourceManager may have taken it.
    unanswered: bool,
}

impl Link {
    pub(super) fn new(options: AmOptions) -> Result<Self, AmError> {
        options.check()?;
        let identity = Identity::Token(options.token);
        let connect = |address: String| {
            IpcClient::new(
                address,
                Protocol::APPLICATION_MASTER,
                identity.clone(),
                options.ipc.clone(),
            )
        };
        let clients = options.addresses.into_iter().map(connect).collect();
        Ok(Self {
            servers: Servers::new(clients, options.retry),
            nm_tokens: NmTokenCache::new(),
            introduction: None,
            constraints: Vec::new(),
            registered: false,
            unanswered: false,
        })
    }

    pub(super) fn nm_tokens(&self) -> &NmTokenCache {
        &self.nm_tokens
    }

    /// What a later registration says.
    pub(super) fn remember_tracking_url(&mut self, url: &str) {
        if let Some(introduction) = &mut self.introduction {
            introduction.tracking_url = Some(url.to_owned());
        }
    }

    pub(super) async fn register(
        &mut self,
        holder: &mut impl Holder,
        host: &str,
        rpc_port: Option<u16>,
        tracking_url: &str,
    ) -> Result<Registration, AmError> {
        let introduction = RegisterApplicationMasterRequestProto {
            host: Some(host.to_owned()),
            rpc_port: Some(rpc_port.map_or(-1, i32::from)),
            tracking_url: Some(tracking_url.to_owned()),
            placement_constraints: self.constraints.clone(),
        };
        let registration = self.introduce(&introduction).await?;
        let maximum = (!registration.answer_lost).then(|| registration.maximum_capability.clone());
        let limits = Limits::new(maximum, &registration.resource_types);
        holder.with(|exchange| exchange.registered(limits, &registration.containers_from_previous_attempts));
        self.introduction = Some(introduction);
        self.registered = true;
        Ok(registration)
    }

    pub(super) async fn allocate(&mut self, holder: &mut impl Holder) -> Result<Allocation, AmError> {
        let mut resynchronised = false;
        for _ in 0..MAX_RESYNCS {
            resynchronised |= self.ensure_registered(holder).await?;
            let request = holder.with(Exchange::request);
            let outcome: Outcome<AllocateResponseProto> = self.servers.call("allocate", &request).await;
            match heard(holder, outcome)? {
                Heard::News(response) => return self.news(holder, *response, resynchronised),
                Heard::Forgotten => self.forgotten(holder),
                Heard::OutOfStep { expected } => {
                    tracing::warn!(
                        expected,
                        "the ResourceManager expects a heartbeat of another number; going on with that, and saying \
                         everything again"
                    );
                    holder.with(|exchange| exchange.fall_in_step(expected));
                }
            }
        }
        Err(AmError::Resync(MAX_RESYNCS))
    }

    pub(super) async fn finish(
        &mut self,
        holder: &mut impl Holder,
        status: FinalStatus,
        diagnostics: &str,
        tracking_url: &str,
    ) -> Result<(), AmError> {
        let request = FinishApplicationMasterRequestProto {
            diagnostics: Some(diagnostics.to_owned()),
            tracking_url: Some(tracking_url.to_owned()),
            final_application_status: Some(final_status(status).into()),
        };
        let started = Instant::now();
        let (mut pause, longest) = FINISH_POLLS;
        while started.elapsed() < FINISH_PATIENCE {
            self.ensure_registered(holder).await?;
            let outcome: Outcome<FinishApplicationMasterResponseProto> = self.servers.call(FINISH, &request).await;
            match outcome.result {
                Ok(answer) if answer.is_unregistered() => {
                    self.registered = false;
                    self.introduction = None;
                    return Ok(());
                }
                Ok(_) => {
                    sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
                Err(error) if kind(&error) == Some(ExceptionKind::ApplicationMasterNotRegistered) => {
                    self.forgotten(holder);
                }
                Err(source) => return Err(failed(FINISH, outcome.retries, source)),
            }
        }
        Err(AmError::NotUnregistered(FINISH_PATIENCE))
    }

    fn news(
        &mut self,
        holder: &mut impl Holder,
        response: AllocateResponseProto,
        resynchronised: bool,
    ) -> Result<Allocation, AmError> {
        let answered = holder.with(|exchange| exchange.answered(response));
        let mut allocation = answered.map_err(|source| AmError::Answer {
            step: "allocate",
            source,
        })?;
        allocation.resynchronised = resynchronised;
        for (node, token) in &allocation.nm_tokens {
            self.nm_tokens.put(node.clone(), token.clone());
        }
        if let Some(token) = allocation.am_rm_token.take() {
            self.roll(token);
        }
        Ok(allocation)
    }

    /// The present connection stays valid; the next login needs the new token.
    fn roll(&self, token: Token) {
        self.servers.set_identity(&Identity::Token(token));
    }

    fn forgotten(&mut self, holder: &mut impl Holder) {
        tracing::info!("the ResourceManager has forgotten this attempt; registering again");
        self.registered = false;
        holder.with(Exchange::resync);
    }

    /// Registers again where that is necessary; true if it was.
    async fn ensure_registered(&mut self, holder: &mut impl Holder) -> Result<bool, AmError> {
        if self.registered {
            return Ok(false);
        }
        let introduction = self.introduction.clone().ok_or(AmError::NotRegistered)?;
        let registration = match self.introduce(&introduction).await {
            // Another ResourceManager took it meanwhile, or a heartbeat was cancelled between.
            Err(error) if already_registered(&error) => Registration::lost(),
            result => result?,
        };
        if !registration.answer_lost {
            let limits = Limits::new(
                Some(registration.maximum_capability.clone()),
                &registration.resource_types,
            );
            holder.with(|exchange| exchange.registered_again(&limits, registration.containers_from_previous_attempts));
        }
        self.registered = true;
        Ok(true)
    }

    /// Registers. The ResourceManager takes only one registration from each attempt, so one that it refuses as the
    /// second counts when an earlier one of ours got no answer.
    async fn introduce(
        &mut self,
        introduction: &RegisterApplicationMasterRequestProto,
    ) -> Result<Registration, AmError> {
        let may_be_known = std::mem::replace(&mut self.unanswered, true);
        let outcome: Outcome<RegisterApplicationMasterResponseProto> = self.servers.call(REGISTER, introduction).await;
        let response = match outcome.result {
            Ok(response) => response,
            Err(source) => {
                let error = failed(REGISTER, outcome.retries, source);
                self.unanswered = error.exception().is_none();
                if already_registered(&error) && (may_be_known || outcome.retries > 0) {
                    tracing::warn!("registered, but the ResourceManager's answer was lost");
                    return Ok(Registration::lost());
                }
                return Err(error);
            }
        };
        self.unanswered = false;
        let (registration, tokens) =
            events::registered(response).map_err(|source| AmError::Answer { step: REGISTER, source })?;
        for (node, token) in tokens {
            self.nm_tokens.put(node, token);
        }
        Ok(registration)
    }
}

/// What an answer to a heartbeat means.
enum Heard {
    News(Box<AllocateResponseProto>),
    /// We have to register again.
    Forgotten,
    /// The ResourceManager has answered heartbeats of which this side does not know.
    OutOfStep {
        expected: i32,
    },
}

fn heard(holder: &mut impl Holder, outcome: Outcome<AllocateResponseProto>) -> Result<Heard, AmError> {
    match outcome.result {
        Ok(response) => match response
            .a_m_command
            .and_then(|command| AmCommandProto::try_from(command).ok())
        {
            Some(AmCommandProto::AmResync) => Ok(Heard::Forgotten),
            Some(AmCommandProto::AmShutdown) => Err(AmError::AttemptOver("it was told to shut down".to_owned())),
            None => Ok(Heard::News(Box::new(response))),
        },
        Err(error) if kind(&error) == Some(ExceptionKind::ApplicationMasterNotRegistered) => Ok(Heard::Forgotten),
        Err(error) => {
            if let Some(expected) = expected_number(&error) {
                return Ok(Heard::OutOfStep { expected });
            }
            let error = failed("allocate", outcome.retries, error);
            if error.exception().is_some() && !error.is_refused_request() {
                holder.with(Exchange::refused);
            }
            Err(error)
        }
    }
}

/// The number that the ResourceManager expects, where it has refused a heartbeat for its own. It says so in words only; Hadoop's
/// `AMRMClientRelayer`, unlike its `AMRMClient`, reads them too.
fn expected_number(error: &IpcError) -> Option<i32> {
    let exception = error.remote()?;
    if exception.kind() != ExceptionKind::InvalidApplicationMasterRequest {
        return None;
    }
    let (_, numbers) = exception.message().split_once(" expect responseId to be ")?;
    let (expected, _) = numbers.split_once(" but get ")?;
    expected.parse().ok()
}

fn kind(error: &IpcError) -> Option<ExceptionKind> {
    error.remote().map(|exception| exception.kind())
}

fn failed(step: &'static str, retries: u32, source: IpcError) -> AmError {
    match source.remote() {
        Some(exception) if exception.kind() == ExceptionKind::ApplicationAttemptNotFound => {
            AmError::AttemptOver(exception.to_string())
        }
        _ => AmError::Call { step, retries, source },
    }
}

fn already_registered(error: &AmError) -> bool {
    error.exception().is_some_and(|exception| {
        exception.kind() == ExceptionKind::InvalidApplicationMasterRequest
            && exception.message().contains("already registered")
    })
}

fn final_status(status: FinalStatus) -> FinalApplicationStatusProto {
    match status {
        FinalStatus::Succeeded => FinalApplicationStatusProto::AppSucceeded,
        FinalStatus::Failed => FinalApplicationStatusProto::AppFailed,
        FinalStatus::Killed => FinalApplicationStatusProto::AppKilled,
        FinalStatus::Undefined => FinalApplicationStatusProto::AppUndefined,
    }
}
