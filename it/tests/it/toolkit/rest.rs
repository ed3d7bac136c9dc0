//! What the tests of `yarn-rest` share, and what a ResourceManager and its nodes tell of themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_it::bed::Bed;
use selvedge_it::wait;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::{ApplicationId, ContainerId};
use yarn_common::launch::{ContainerLaunchContext, quote_argument, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_rest::auth::Simple;
use yarn_rest::error::RestErrorKind;
use yarn_rest::model::{ApplicationState, QueueAcl};
use yarn_rest::rm::RmClient;
use yarn_rest::transport::Transport;
use yarn_rest::webhdfs::WebHdfs;

/// Generous: compilers may be running beside.
pub(super) const BOUND: Duration = Duration::from_secs(120);

pub(super) fn configuration(bed: &Bed) -> HadoopConfiguration {
    HadoopConfiguration::from_directory(bed.hadoop_conf_dir()).unwrap()
}

pub(super) fn transport(user: &str) -> Transport {
    Transport::new().authenticator(Simple::new(user))
}

pub(crate) fn resource_manager(bed: &Bed, user: &str) -> RmClient {
    let builder = RmClient::builder().configuration(&configuration(bed)).unwrap();
    builder.transport(transport(user)).build().unwrap()
}

pub(super) fn web_hdfs(bed: &Bed, user: &str) -> WebHdfs {
    let builder = WebHdfs::builder().configuration(&configuration(bed)).unwrap();
    builder.transport(transport(user)).build().unwrap()
}

/// An application that is one line of bash, and never registers: YARN says ACCEPTED as long as it runs.
pub(super) async fn submit(rm: &RmClient, script: &str) -> ApplicationId {
    let id = rm.new_application().await.unwrap().application_id;
    let command = format!("/bin/bash -c {}", quote_argument(script).unwrap());
    let container = ContainerLaunchContext {
        commands: vec![redirect_to_log_dir(&command, "stdout", "stderr")],
        environment: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        ..ContainerLaunchContext::default()
    };
    let mut application = ApplicationSubmissionContext::new(id, "toolkit", Resource::new(128, 1), container);
    application.application_type = "SHELL".to_owned();
    application.max_app_attempts = Some(1);
    application.tags.insert(format!("tag-{}", id.sequence()));
    rm.submit(&application).await.unwrap();
    id
}

/// The container of its ApplicationMaster and the web address of its node, once it runs.
pub(super) async fn running(rm: &RmClient, id: ApplicationId) -> (ContainerId, String) {
    let look = async || {
        let report = rm.application(id).await.map_err(|error| error.to_string())?;
        assert!(!report.state.is_final(), "{report:?}");
        let containers = rm.containers(id.attempt(1)).await.map_err(|error| error.to_string())?;
        let container = containers.first().ok_or("no container")?;
        let node = report.am_host_http_address.clone().ok_or("no node")?;
        let at = rm.node_manager(&node).unwrap();
        let there = at.container(container.container_id).await;
        match there.map_err(|error| error.to_string())?.state.as_deref() {
            Some("RUNNING") => Ok((container.container_id, node)),
            other => Err(format!("{other:?}")),
        }
    };
    wait::until(&format!("{id} to run"), BOUND, look).await.unwrap()
}

pub(super) async fn killed(rm: &RmClient, id: ApplicationId) {
    let look = async || match rm.kill(id, Some("no longer needed")).await {
        Ok(ApplicationState::Killed) => Ok(()),
        Ok(state) => Err(state.to_string()),
        Err(error) => Err(error.to_string()),
    };
    wait::until(&format!("{id} to be killed"), BOUND, look).await.unwrap();
}

#[tokio::test]
async fn a_resource_manager_tells_of_itself_and_of_its_nodes() {
    let bed = Bed::shared().await.unwrap();
    let rm = resource_manager(bed, bed.user());
    let info = rm.info().await.unwrap();
    assert_eq!(
        (info.state.as_deref(), info.ha_state.as_deref()),
        (Some("STARTED"), Some("ACTIVE"))
    );
    let user = rm.user().await.unwrap();
    assert_eq!(user.requested_user.as_deref(), Some(bed.user()));
    assert_eq!(user.rm_login_user.as_deref(), Some(bed.daemon_user()));
    let running = rm.nodes(&["RUNNING"]).await.unwrap();
    assert_eq!(rm.metrics().await.unwrap().active_nodes, Some(running.len() as u64));
    assert_eq!(running.len(), bed.node_managers().len());
    for node in &running {
        assert_eq!(
            rm.node(&node.id).await.unwrap().total_memory_mb(),
            node.total_memory_mb()
        );
        assert!(rm.labels_of_node(&node.id).await.unwrap().is_empty());
        let manager = rm.node_manager(node.http_address.as_deref().unwrap()).unwrap();
        assert_eq!(manager.info().await.unwrap().node_healthy, Some(true));
        assert_eq!(manager.resource("yarn.io/gpu").await.unwrap(), serde_json::json!({}));
        let services = manager.auxiliary_services().await.unwrap_err();
        assert!(services.to_string().contains("manifest is not enabled"), "{services}");
    }
    assert!(rm.nodes(&["LOST"]).await.unwrap().is_empty());

    let scheduler = rm.scheduler().await.unwrap();
    assert_eq!(scheduler.kind, "capacityScheduler");
    assert!(scheduler.find("root.default").is_some(), "{scheduler:?}");
    let access = rm.queue_access("default", bed.user(), &QueueAcl::Submit).await.unwrap();
    assert_eq!(access.allowed, Some(true), "{access:?}");
    let unknown = rm.node(&"nowhere:1".parse().unwrap()).await.unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
}

#[tokio::test]
async fn a_client_of_http_at_an_ipc_port_is_told_which_port_to_use() {
    let bed = Bed::shared().await.unwrap();
    let addresses = configuration(bed).rm_client_addresses().unwrap();
    let rm = RmClient::builder()
        .resource_manager(&format!("http://{}", addresses[0]), None)
        .unwrap()
        .build()
        .unwrap();
    let error = rm.info().await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::IpcPort), "{error}");
    assert!(
        error.to_string().contains("yarn.resourcemanager.webapp.address"),
        "{error}"
    );
}
