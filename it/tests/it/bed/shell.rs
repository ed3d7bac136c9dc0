//! An application that is one shell command, submitted over REST: it asks nothing of Selvedge.

use std::fmt;

use selvedge_it::bed::Bed;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::BOUND;

/// The smallest memory that a shell needs on a bed whose minimum is 64.
const MEMORY_MB: u32 = 128;

pub(super) struct ShellApplication {
    http: reqwest::Client,
    url: String,
    pub(super) id: String,
}

impl ShellApplication {
    pub(super) async fn submit(bed: &Bed, script: &str) -> Self {
        Self::submit_to(bed.rm_web(), bed.user(), script).await
    }

    /// The script's output is in the container's `stdout` and `stderr`.
    pub(super) async fn submit_to(rm_web: &str, user: &str, script: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let apps = format!("{rm_web}/ws/v1/cluster/apps");
        let query = [("user.name", user)];
        let new = http
            .post(format!("{apps}/new-application"))
            .query(&query)
            .send()
            .await
            .unwrap();
        let new: Value = new.error_for_status().unwrap().json().await.unwrap();
        let id = new["application-id"].as_str().unwrap().to_owned();
        // YARN puts the command into double quotes of a first shell; a second one is to read it.
        let script = script
            .replace('\\', "\\\\")
            .replace('$', "\\$")
            .replace('"', "\\\"")
            .replace('`', "\\`");
        let submission = json!({
            "application-id": id,
            "application-name": "shell",
            "application-type": "SHELL",
            "max-app-attempts": 1,
            "resource": {"memory": MEMORY_MB, "vCores": 1},
            "am-container-spec": {
                "commands": {"command": format!("{{ {script}; }} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr")},
            },
        });
        let submitted = http.post(&apps).query(&query).json(&submission).send().await.unwrap();
        assert_eq!(submitted.status(), 202, "{}", submitted.text().await.unwrap());
        Self {
            http,
            url: format!("{apps}/{id}"),
            id,
        }
    }

    async fn report(&self) -> Result<Value, String> {
        let answer = self
            .http
            .get(&self.url)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let mut report: Value = answer.json().await.map_err(|error| error.to_string())?;
        Ok(report["app"].take())
    }

    /// The report once the application has ended.
    pub(super) async fn ended(&self) -> Value {
        let look = || async {
            let report = self.report().await?;
            let state = report["state"].as_str().unwrap_or_default();
            if ["FINISHED", "FAILED", "KILLED"].contains(&state) {
                Ok(report)
            } else {
                Err(report.to_string())
            }
        };
        wait::until(&format!("{self} to end"), BOUND, look).await.unwrap()
    }

    /// The pid of its container, once that lives.
    pub(super) async fn process(&self, bed: &Bed) -> i32 {
        let look = || async {
            let processes = bed.container_processes(&self.id).map_err(|error| error.to_string())?;
            match processes.as_slice() {
                [one] => Ok(one.pid),
                other => Err(format!("{other:?}, {}", self.report().await?)),
            }
        };
        wait::until(&format!("the container of {self}"), BOUND, look)
            .await
            .unwrap()
    }

    /// What its container wrote to standard output.
    pub(super) fn stdout(&self, bed: &Bed) -> String {
        let logs = bed.container_logs(&self.id).unwrap();
        let stdout: Vec<_> = logs.iter().filter(|log| log.file == "stdout").collect();
        assert_eq!(stdout.len(), 1, "{logs:?}");
        stdout[0].text().unwrap()
    }
}

impl fmt::Display for ShellApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}
