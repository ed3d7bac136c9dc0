//! Runs the scripts that find external resources on this node, as Flink's GPU driver does: the amount is the first
//! argument, the answer is one line of indices with commas between them.

use std::process::{Output, Stdio};
use std::time::Duration;

use selvedge_core::resource::Discovery;
use selvedge_runtime::gateway::proto::ExternalResource;
use tokio::process::Command;

use super::TaskExecutorError;

/// How long a script may take, as in Flink.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// What all scripts find, in order of names.
pub(super) async fn discover(
    discoveries: &[Discovery],
    limit: Duration,
) -> Result<Vec<ExternalResource>, TaskExecutorError> {
    let mut found = Vec::new();
    for discovery in discoveries {
        let indices = run(discovery, limit)
            .await
            .map_err(|reason| TaskExecutorError::Discovery {
                resource: discovery.resource.as_str().into(),
                script: discovery.script.display().to_string().into(),
                reason: reason.into(),
            })?;
        tracing::info!(
            "found {} of the external resource {}: {indices:?}",
            indices.len(),
            discovery.resource
        );
        found.push(ExternalResource {
            name: discovery.resource.clone(),
            indices,
        });
    }
    Ok(found)
}

async fn run(discovery: &Discovery, limit: Duration) -> Result<Vec<String>, String> {
    // A name without a slash would be looked for on the PATH.
    let script = std::path::absolute(&discovery.script).map_err(|error| error.to_string())?;
    let ended = Command::new(&script)
        .arg(discovery.amount.to_string())
        .args(&discovery.arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(limit, ended).await {
        Ok(Ok(output)) => indices(discovery.amount, &output),
        Ok(Err(error)) => Err(format!(
            "it cannot be run ({error}); it must be there on each node, and executable"
        )),
        Err(_) => Err(format!("it did not end within {limit:?}")),
    }
}

fn indices(amount: u64, output: &Output) -> Result<Vec<String>, String> {
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if !output.status.success() {
        let said = if complaint.trim().is_empty() { &told } else { &complaint };
        return Err(format!("it ended with {}, and said: {}", output.status, said.trim()));
    }
    let line = told.lines().next().unwrap_or_default();
    let indices: Vec<_> = line
        .split(',')
        .map(|index| index.trim().to_owned())
        .filter(|index| !index.is_empty())
        .collect();
    if (indices.len() as u64) < amount {
        return Err(format!(
            "it found {} of {amount} (external-resource.<name>.amount); it said: '{line}'",
            indices.len()
        ));
    }
    Ok(indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script. A shell writes it: while this process has it open, another thread's child might too, and then it cannot
    /// be run.
    fn script(directory: &tempfile::TempDir, text: &str) -> Discovery {
        let path = directory.path().join("find.sh");
        let write = format!("cat > '{0}' && chmod +x '{0}'", path.display());
        let mut shell = std::process::Command::new("sh")
            .args(["-c", &write])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(
            &mut shell.stdin.take().unwrap(),
            format!("#!/bin/sh\n{text}\n").as_bytes(),
        )
        .unwrap();
        assert!(shell.wait().unwrap().success());
        Discovery {
            resource: "gpu".to_owned(),
            amount: 2,
            script: path,
            arguments: vec!["of".to_owned(), "$HOME".to_owned()],
        }
    }

    #[tokio::test]
    async fn a_script_gets_the_amount_and_its_arguments_and_its_first_line_is_the_indices() {
        let directory = tempfile::tempdir().unwrap();
        let found = discover(&[script(&directory, "echo \" 0, $1,,$2 $3 \"; echo 9")], LIMIT).await;
        let [gpu] = &found.unwrap()[..] else {
            panic!("one resource")
        };
        assert_eq!(
            (gpu.name.as_str(), &gpu.indices[..]),
            ("gpu", &["0", "2", "of $HOME"].map(str::to_owned)[..])
        );
    }

    #[tokio::test]
    async fn a_script_that_fails_is_told_with_its_resource_its_path_and_why() {
        let directory = tempfile::tempdir().unwrap();
        for (text, expected) in [
            (
                "echo no driver >&2; exit 3",
                "it ended with exit status: 3, and said: no driver",
            ),
            (
                "echo 4,",
                "it found 1 of 2 (external-resource.<name>.amount); it said: '4,'",
            ),
            ("true", "it found 0 of 2"),
        ] {
            let error = discover(&[script(&directory, text)], LIMIT)
                .await
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("external resource gpu") && error.contains("find.sh"),
                "{error}"
            );
            assert!(error.contains(expected), "{error}");
        }
        let endless = script(&directory, "exec sleep 1000");
        let error = discover(&[endless], Duration::from_millis(20))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not end within 20ms"), "{error}");
    }

    #[tokio::test]
    async fn a_script_that_is_not_there_is_told() {
        let missing = Discovery {
            resource: "gpu".to_owned(),
            amount: 1,
            script: "true".into(),
            arguments: Vec::new(),
        };
        let error = discover(&[missing], LIMIT).await.unwrap_err().to_string();
        assert!(
            error.contains("cannot be run") && error.contains("executable"),
            "{error}"
        );
    }
}
