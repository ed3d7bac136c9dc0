//! The states of what the rooms of master and worker hold. Each room's own type says more; the test beside it takes the room
//! through every state with every event, and compares with the table here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{StateMachine, UnknownState};

states! {
    /// A job as the Dispatcher holds it.
    DispatcherJob {
        /// It has never come, or is as if it had not.
        Unknown = "UNKNOWN" => [Initializing, Running, Stored, Ended],
        /// It is checked and stored.
        Initializing = "INITIALIZING" => [Running, Unknown],
        /// Its JobMaster runs.
        Running = "RUNNING" => [Ending, Unknown],
        /// It has ended, and its result is being stored. Where that fails, this master is done with it.
        Ending = "ENDING" => [Stored, Ended],
        /// Its result is stored, and what it used is being cleaned up.
        Stored = "STORED" => [Ended],
        /// Nothing of it is left but its pages.
        Ended = "ENDED" => [],
    }
}

states! {
    /// A job under the adaptive scheduler (Flink 1.20 `AdaptiveScheduler`).
    AdaptiveState {
        /// Its connectors are being prepared.
        Created = "CREATED" => [WaitingForResources, Canceling, Failing, Finished],
        /// Slots are declared, and come.
        WaitingForResources = "WAITING_FOR_RESOURCES" => [CreatingExecutionGraph, Canceling, Failing, Finished],
        /// The parallelism is chosen; the sources are made ready for it.
        CreatingExecutionGraph = "CREATING_EXECUTION_GRAPH"
            => [Executing, WaitingForResources, Canceling, Failing, Finished],
        /// Tasks are deployed and run.
        Executing = "EXECUTING" => [Restarting, Canceling, Failing, Finished],
        /// Tasks are ending, after a failure or to run with another parallelism.
        Restarting = "RESTARTING" => [WaitingForResources, CreatingExecutionGraph, Canceling, Failing, Finished],
        /// A user ends it.
        Canceling = "CANCELING" => [Finished],
        /// A failure ends it.
        Failing = "FAILING" => [Canceling, Finished],
        /// It has ended, here or on every master.
        Finished = "FINISHED" => [],
    }
}

states! {
    /// How far the end of a cluster is.
    ClusterPhase {
        /// Takes jobs.
        Serving = "SERVING" => [Leaving, Draining, Broken],
        /// The only job has ended, and its client may fetch the result.
        Leaving = "LEAVING" => [Draining, Ending],
        /// Jobs are being ended, because the cluster is to end.
        Draining = "DRAINING" => [Ending],
        /// Cannot go on: the process decides whether the cluster ends, or another master takes over.
        Broken = "BROKEN" => [Draining],
        /// Ends.
        Ending = "ENDING" => [],
    }
}

states! {
    /// How a master's process stands in the election.
    MasterStanding {
        /// Has not led yet.
        NeverLed = "NEVER_LED" => [Leading],
        /// Leads: all rooms are there.
        Leading = "LEADING" => [Led],
        /// Has led: its rooms have ended.
        Led = "LED" => [Leading],
    }
}

states! {
    /// The JobMaster of a job, as the ResourceManager knows it.
    JobLeader {
        /// There is none.
        Unknown = "UNKNOWN" => [Awaited],
        /// One is waited for: it has come before the election tells of it, or the last one is lost.
        Awaited = "AWAITED" => [Led, Unknown],
        /// It is registered, and leads.
        Led = "LED" => [Awaited, Unknown],
    }
}

states! {
    /// A worker in the ResourceManager's books.
    TrackedWorker {
        /// Not heard of: at most asked for.
        Unknown = "UNKNOWN" => [Starting, Registered, Gone],
        /// The driver has started it.
        Starting = "STARTING" => [Registered, Gone],
        /// It has made itself known.
        Registered = "REGISTERED" => [Gone],
        /// It has ended or was given up.
        Gone = "GONE" => [Registered],
    }
}

states! {
    /// A slot in the ResourceManager's books.
    HeldSlotState {
        /// Nobody has it.
        Absent = "ABSENT" => [Asked, Taken],
        /// The worker has been asked for it.
        Asked = "ASKED" => [Taken, Absent],
        /// A job has it.
        Taken = "TAKEN" => [Absent],
    }
}

states! {
    /// Why a job fails, as far as its JobMaster knows.
    RootCauseState {
        /// Nothing has failed.
        Open = "OPEN" => [Suspected, Settled],
        /// Something that may have a cause elsewhere has failed.
        Suspected = "SUSPECTED" => [Settled, Open],
        /// The cause is known.
        Settled = "SETTLED" => [Open],
    }
}

states! {
    /// A worker's way to its ResourceManager.
    WorkerRegistration {
        /// It makes itself known.
        Registering = "REGISTERING" => [Registered],
        /// It is known.
        Registered = "REGISTERED" => [Registering],
    }
}

states! {
    /// A worker's way to the JobMaster of a job that has something there.
    JobContact {
        /// It makes itself known.
        Connecting = "CONNECTING" => [Connected, Disconnected],
        /// It is known.
        Connected = "CONNECTED" => [Disconnected],
        /// The JobMaster is gone; tasks are ending.
        Disconnected = "DISCONNECTED" => [],
    }
}

states! {
    /// A slot in the worker's table.
    SlotPhase {
        /// Nobody has it.
        Free = "FREE" => [Allocated],
        /// A job may take it.
        Allocated = "ALLOCATED" => [Active, Free],
        /// A job has taken it.
        Active = "ACTIVE" => [Releasing, Free],
        /// Given up; its tasks are ending.
        Releasing = "RELEASING" => [Free],
    }
}

states! {
    /// A task in the worker's table.
    TaskPhase {
        /// Runs.
        Running = "RUNNING" => [Stopping, Ended],
        /// Told to end.
        Stopping = "STOPPING" => [Ended],
        /// Has ended; its JobMaster may not know yet.
        Ended = "ENDED" => [],
    }
}
