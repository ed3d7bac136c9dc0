//! Launch contexts.

use yarn_common::launch::{
    ApplicationAccess, ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility, ResourceUrl,
    RetryContext, RetryWhen,
};

use crate::proto::yarn::{
    ApplicationAccessTypeProto, ApplicationAclMapProto, ContainerLaunchContextProto, ContainerRetryContextProto,
    ContainerRetryPolicyProto, LocalResourceProto, LocalResourceTypeProto, LocalResourceVisibilityProto,
    StringBytesMapProto, StringLocalResourceMapProto, StringStringMapProto, UrlProto,
};

impl From<&ContainerLaunchContext> for ContainerLaunchContextProto {
    fn from(context: &ContainerLaunchContext) -> Self {
        let resource = |(name, resource): (&String, &LocalResource)| StringLocalResourceMapProto {
            key: Some(name.clone()),
            value: Some(resource.into()),
        };
        let text = |(name, value): (&String, &String)| StringStringMapProto {
            key: Some(name.clone()),
            value: Some(value.clone()),
        };
        let acl = |(access, who): (&ApplicationAccess, &String)| ApplicationAclMapProto {
            access_type: Some(access_type(*access).into()),
            acl: Some(who.clone()),
        };
        let data = |(name, value): (&String, &bytes::Bytes)| StringBytesMapProto {
            key: Some(name.clone()),
            value: Some(value.clone()),
        };
        Self {
            local_resources: context.local_resources.iter().map(resource).collect(),
            tokens: context.shipped_tokens(),
            service_data: context.service_data.iter().map(data).collect(),
            environment: context.environment.iter().map(text).collect(),
            command: context.commands.clone(),
            application_ac_ls: context.acls.iter().map(acl).collect(),
            container_retry_context: context.retry.as_ref().map(Into::into),
            tokens_conf: None,
        }
    }
}

impl From<&RetryContext> for ContainerRetryContextProto {
    fn from(retry: &RetryContext) -> Self {
        let (policy, error_codes) = match retry.when() {
            RetryWhen::ExitCodes(codes) => (
                ContainerRetryPolicyProto::RetryOnSpecificErrorCodes,
                codes.iter().copied().collect(),
            ),
            _ => (ContainerRetryPolicyProto::RetryOnAllErrors, Vec::new()),
        };
        Self {
            retry_policy: Some(policy.into()),
            error_codes,
            // Without a bound, -1.
            max_retries: Some(
                retry
                    .max_retries()
                    .map_or(-1, |many| many.try_into().unwrap_or(i32::MAX)),
            ),
            retry_interval: Some(retry.interval().as_millis().try_into().unwrap_or(i32::MAX)),
            failures_validity_interval: retry
                .failures_validity_interval()
                .map(|interval| interval.as_millis().try_into().unwrap_or(i64::MAX)),
        }
    }
}

fn access_type(access: ApplicationAccess) -> ApplicationAccessTypeProto {
    match access {
        ApplicationAccess::View => ApplicationAccessTypeProto::AppaccessViewApp,
        ApplicationAccess::Modify => ApplicationAccessTypeProto::AppaccessModifyApp,
    }
}

impl From<&LocalResource> for LocalResourceProto {
    fn from(resource: &LocalResource) -> Self {
        let kind = match resource.kind {
            LocalResourceType::Archive => LocalResourceTypeProto::Archive,
            LocalResourceType::File => LocalResourceTypeProto::File,
            LocalResourceType::Pattern => LocalResourceTypeProto::Pattern,
        };
        let visibility = match resource.visibility {
            LocalResourceVisibility::Public => LocalResourceVisibilityProto::Public,
            LocalResourceVisibility::Private => LocalResourceVisibilityProto::Private,
            LocalResourceVisibility::Application => LocalResourceVisibilityProto::Application,
        };
        Self {
            resource: Some((&resource.url).into()),
            size: Some(i64::try_from(resource.size).unwrap_or(i64::MAX)),
            timestamp: Some(resource.timestamp),
            r#type: Some(kind.into()),
            visibility: Some(visibility.into()),
            pattern: resource.pattern.clone(),
            should_be_uploaded_to_shared_cache: None,
        }
    }
}

impl From<&ResourceUrl> for UrlProto {
    fn from(url: &ResourceUrl) -> Self {
        Self {
            scheme: Some(url.scheme.clone()),
            host: url.host.clone(),
            // Without a port, -1: an absent one would be read as 0.
            port: Some(url.port.map_or(-1, i32::from)),
            file: Some(url.path.clone()),
            user_info: url.user_info.clone(),
        }
    }
}
