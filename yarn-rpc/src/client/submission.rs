//! Submission contexts.

use yarn_common::submission::{ApplicationSubmissionContext, LogAggregationContext};

use super::YarnClientError;
use crate::proto::yarn::{
    ApplicationSubmissionContextProto, LogAggregationContextProto, PriorityProto, ReservationIdProto,
    ResourceRequestProto,
};

impl From<&ApplicationSubmissionContext> for ApplicationSubmissionContextProto {
    fn from(application: &ApplicationSubmissionContext) -> Self {
        let interval = application.attempt_failures_validity_interval;
        Self {
            application_id: Some(application.application_id.into()),
            application_name: Some(application.name.clone()),
            queue: application.queue.clone(),
            priority: application.priority.map(Into::into),
            am_container_spec: Some((&application.am_container).into()),
            cancel_tokens_when_complete: Some(application.cancel_tokens_when_complete),
            unmanaged_am: Some(application.unmanaged_am),
            max_app_attempts: application
                .max_app_attempts
                .map(|attempts| attempts.try_into().unwrap_or(i32::MAX)),
            resource: Some((&application.resource).into()),
            application_type: Some(application.application_type.clone()),
            keep_containers_across_application_attempts: Some(application.keep_containers_across_application_attempts),
            application_tags: application.tags.iter().cloned().collect(),
            attempt_failures_validity_interval: interval
                .map(|interval| i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)),
            log_aggregation_context: application.log_aggregation.as_ref().map(Into::into),
            reservation_id: application.reservation_id.map(|id| ReservationIdProto {
                id: id.sequence().try_into().ok(),
                cluster_timestamp: id.cluster_timestamp().try_into().ok(),
            }),
            node_label_expression: application.node_label.clone(),
            am_container_resource_request: am_request(application).into_iter().collect(),
            ..Default::default()
        }
    }
}

/// The ApplicationMaster's own ask; only a label of its own makes one necessary.
fn am_request(application: &ApplicationSubmissionContext) -> Option<ResourceRequestProto> {
    let label = application.am_node_label.clone()?;
    Some(ResourceRequestProto {
        priority: Some(PriorityProto { priority: Some(0) }),
        resource_name: Some("*".to_owned()),
        capability: Some((&application.resource).into()),
        num_containers: Some(1),
        node_label_expression: Some(label),
        ..Default::default()
    })
}

impl From<&LogAggregationContext> for LogAggregationContextProto {
    fn from(logs: &LogAggregationContext) -> Self {
        Self {
            include_pattern: logs.include_pattern.clone(),
            exclude_pattern: logs.exclude_pattern.clone(),
            rolled_logs_include_pattern: logs.rolled_logs_include_pattern.clone(),
            rolled_logs_exclude_pattern: logs.rolled_logs_exclude_pattern.clone(),
            log_aggregation_policy_class_name: logs.policy_class_name.clone(),
            log_aggregation_policy_parameters: logs.policy_parameters.clone(),
        }
    }
}

/// Checks what the ResourceManager would refuse or silently change.
pub(super) fn check(application: &ApplicationSubmissionContext) -> Result<(), YarnClientError> {
    let wrong = |reason: String| {
        Err(YarnClientError::Invalid {
            name: application.name.clone(),
            reason,
        })
    };
    let (size, commands) = (&application.resource, &application.am_container.commands);
    if size.memory_mb == 0 || i64::try_from(size.memory_mb).is_err() || i32::try_from(size.vcores).is_err() {
        return wrong(format!("no ApplicationMaster can have {size}"));
    }
    if !application.unmanaged_am && commands.iter().all(|command| command.trim().is_empty()) {
        return wrong("its ApplicationMaster has no command".to_owned());
    }
    if application.tags.len() > 10 {
        return wrong(format!("it has {} tags; 10 are allowed", application.tags.len()));
    }
    if let Some(tag) = application.tags.iter().find(|tag| tag.len() > 100 || !tag.is_ascii()) {
        return wrong(format!("the tag {tag:?} is not of at most 100 ASCII characters"));
    }
    match application.max_app_attempts {
        Some(0) => wrong("it allows 0 attempts".to_owned()),
        _ => Ok(()),
    }
}
