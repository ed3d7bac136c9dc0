//! A container that hands out what its ApplicationMaster was given, and stays until it is told to end: a test speaks in
//! its place.

use std::path::PathBuf;

use selvedge_it::bed::Bed;
use selvedge_it::wait;
use yarn_common::id::ApplicationId;
use yarn_common::launch::{ContainerLaunchContext, quote_argument};
use yarn_common::token::Credentials;

use super::super::BOUND;
use super::script_context;

pub(super) struct StandIn {
    folder: PathBuf,
}

impl StandIn {
    pub(super) fn new(bed: &Bed, id: ApplicationId) -> Self {
        let folder = bed.scratch().join(format!("master-of-{id}"));
        std::fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    pub(super) fn context(&self) -> ContainerLaunchContext {
        let folder = quote_argument(&self.folder.display().to_string()).unwrap();
        script_context(&format!(
            "cd {folder} && cp \"$HADOOP_TOKEN_FILE_LOCATION\" unfinished && mv unfinished tokens; \
             until [ -e end ]; do sleep 0.1; done"
        ))
    }

    /// Waits for the container to run.
    pub(super) async fn credentials(&self) -> Credentials {
        let look = || async { Credentials::read_file(self.folder.join("tokens")).map_err(|error| error.to_string()) };
        wait::until("the tokens of an ApplicationMaster", BOUND, look)
            .await
            .unwrap()
    }

    pub(super) fn end(self) {
        std::fs::write(self.folder.join("end"), "").unwrap();
    }
}
