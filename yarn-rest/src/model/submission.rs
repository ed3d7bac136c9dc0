//! An application in the JSON that the ResourceManager takes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value, json};
use yarn_common::launch::{ContainerLaunchContext, LocalResource, LocalResourceType};
use yarn_common::submission::{ApplicationSubmissionContext, LogAggregationContext};
use yarn_common::token::Credentials;

/// The body of the submission; an error is what REST cannot say.
pub(crate) fn submission_json(application: &ApplicationSubmissionContext) -> Result<Value, String> {
    if !application.resource.extra.is_empty() {
        return Err(format!(
            "the ApplicationMaster asks for {}, but REST carries only memory and cores: submit it over Hadoop IPC",
            application.resource
        ));
    }
    let mut body = Fields::default();
    body.set("application-id", json!(application.application_id));
    body.set("application-name", json!(application.name));
    body.set("application-type", json!(application.application_type));
    body.set_some("queue", application.queue.as_deref());
    body.set_some("priority", application.priority);
    body.set("am-container-spec", launch_context(&application.am_container)?);
    body.set("unmanaged-AM", json!(application.unmanaged_am));
    body.set_some("max-app-attempts", application.max_app_attempts);
    let resource = &application.resource;
    body.set(
        "resource",
        json!({ "memory": resource.memory_mb, "vCores": resource.vcores }),
    );
    body.set(
        "keep-containers-across-application-attempts",
        json!(application.keep_containers_across_application_attempts),
    );
    body.set(
        "cancel-tokens-when-complete",
        json!(application.cancel_tokens_when_complete),
    );
    if !application.tags.is_empty() {
        body.set("application-tags", json!({ "tag": application.tags }));
    }
    let interval = application.attempt_failures_validity_interval;
    body.set_some(
        "attempt-failures-validity-interval",
        interval.map(|interval| u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)),
    );
    body.set_some(
        "log-aggregation-context",
        application.log_aggregation.as_ref().map(log_aggregation),
    );
    body.set_some("app-node-label-expression", application.node_label.as_deref());
    body.set_some(
        "am-container-node-label-expression",
        application.am_node_label.as_deref(),
    );
    body.set_some("reservation-id", application.reservation_id);
    Ok(Value::Object(body.0))
}

fn launch_context(context: &ContainerLaunchContext) -> Result<Value, String> {
    let mut body = Fields::default();
    let resources: Vec<_> = context
        .local_resources
        .iter()
        .map(|(key, resource)| local_resource(key, resource))
        .collect::<Result<_, _>>()?;
    body.set_entries("local-resources", resources);
    body.set_entries(
        "environment",
        entries(context.environment.iter().map(|(key, value)| (key, value.clone()))),
    );
    // The server has room for one line, and joins several with spaces anyway.
    body.set("commands", json!({ "command": context.commands.join(" ") }));
    let data = context
        .service_data
        .iter()
        .map(|(service, data)| (service, URL_SAFE.encode(data)));
    body.set_entries("service-data", entries(data));
    body.set_entries(
        "application-acls",
        entries(context.acls.iter().map(|(access, acl)| (access.name(), acl.clone()))),
    );
    if context.retry.is_some() {
        return Err(
            "the container is to be retried on its node, which REST does not carry: submit it over Hadoop IPC"
                .to_owned(),
        );
    }
    if let Some(tokens) = &context.shipped_tokens() {
        let credentials =
            Credentials::read(tokens).map_err(|cause| format!("the tokens of the ApplicationMaster: {cause}"))?;
        body.set("credentials", credentials_json(&credentials));
    }
    Ok(Value::Object(body.0))
}

fn local_resource(key: &str, resource: &LocalResource) -> Result<Value, String> {
    if resource.kind == LocalResourceType::Pattern {
        return Err(format!(
            "the local resource {key} has a pattern, which REST does not carry: submit it over Hadoop IPC"
        ));
    }
    let value = json!({
        "resource": resource.url.to_uri(),
        "type": resource.kind.name(),
        "visibility": resource.visibility.name(),
        "size": resource.size,
        "timestamp": resource.timestamp,
    });
    Ok(json!({ "key": key, "value": value }))
}

/// The ResourceManager builds the credentials file from this.
fn credentials_json(credentials: &Credentials) -> Value {
    let mut body = Fields::default();
    body.set_entries(
        "tokens",
        entries(
            credentials
                .tokens()
                .map(|(alias, token)| (alias, token.to_url_string())),
        ),
    );
    body.set_entries(
        "secrets",
        entries(
            credentials
                .secrets()
                .map(|(name, secret)| (name, URL_SAFE.encode(secret))),
        ),
    );
    Value::Object(body.0)
}

fn log_aggregation(context: &LogAggregationContext) -> Value {
    let mut body = Fields::default();
    body.set_some("log-include-pattern", context.include_pattern.as_deref());
    body.set_some("log-exclude-pattern", context.exclude_pattern.as_deref());
    body.set_some(
        "rolled-log-include-pattern",
        context.rolled_logs_include_pattern.as_deref(),
    );
    body.set_some(
        "rolled-log-exclude-pattern",
        context.rolled_logs_exclude_pattern.as_deref(),
    );
    body.set_some(
        "log-aggregation-policy-class-name",
        context.policy_class_name.as_deref(),
    );
    body.set_some(
        "log-aggregation-policy-parameters",
        context.policy_parameters.as_deref(),
    );
    Value::Object(body.0)
}

fn entries(pairs: impl Iterator<Item = (impl AsRef<str>, String)>) -> Vec<Value> {
    pairs
        .map(|(key, value)| json!({ "key": key.as_ref(), "value": value }))
        .collect()
}

/// An object without the fields that have nothing to say: the server does not take empty lists everywhere.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn set_some(&mut self, key: &str, value: Option<impl serde::Serialize>) {
        if let Some(value) = value {
            self.set(key, json!(value));
        }
    }

    fn set_entries(&mut self, key: &str, entries: Vec<Value>) {
        if !entries.is_empty() {
            self.set(key, json!({ "entry": entries }));
        }
    }
}
