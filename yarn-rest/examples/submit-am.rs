//! Brings a program into HDFS, has YARN run it as an ApplicationMaster, and waits for its end.
//!
//! `HADOOP_CONF_DIR=/etc/hadoop/conf submit-am target/release/hello-am`
#![allow(clippy::print_stdout, reason = "an example shows what it gets")]

use std::{env, error::Error, time::Duration};

use yarn_common::conf::HadoopConfiguration;
use yarn_common::launch::{CommandLine, ContainerLaunchContext, LocalResource};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_rest::auth::Simple;
use yarn_rest::rm::RmClient;
use yarn_rest::transport::Transport;
use yarn_rest::webhdfs::{CreateOptions, Upload, WebHdfs};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let program = env::args().nth(1).ok_or("name the program of the ApplicationMaster")?;
    let user = Simple::new(env::var("HADOOP_USER_NAME").or_else(|_| env::var("USER"))?);
    let conf = HadoopConfiguration::from_env()?;
    let rm = RmClient::builder()
        .configuration(&conf)?
        .authenticator(user.clone())
        .build()?;
    let transport = Transport::new().authenticator(user);
    let hdfs = WebHdfs::builder().configuration(&conf)?.transport(transport).build()?;
    let id = rm.new_application().await?.application_id;

    // The node brings the file into the container's directory, if it is still as it is said to be here.
    let folder = format!("{}/.staging/{id}", hdfs.home_directory().await?);
    let path = format!("{folder}/master");
    let file = Upload::reader(tokio::fs::File::open(program).await?);
    hdfs.create(&path, &CreateOptions::default(), file).await?;
    let status = hdfs.status(&path).await?;
    let url = format!("{}{path}", conf.default_fs()?).parse()?;
    let modified = status.modification_time.ok_or("a file without a time")?;
    let master = LocalResource::file(url, status.length, i64::try_from(modified)?);

    let container = ContainerLaunchContext::builder()
        .resource("master", master)
        .command(&CommandLine::new("./master"))
        .build()?;
    let application = ApplicationSubmissionContext::new(id, "hello", Resource::new(256, 1), container);
    rm.submit(&application).await?;
    let report = loop {
        let report = rm.application(id).await?;
        if report.state.is_final() {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    println!(
        "{id} {:?} {}",
        report.final_status,
        report.diagnostics.unwrap_or_default()
    );
    hdfs.delete(&folder, true).await?;
    Ok(())
}
