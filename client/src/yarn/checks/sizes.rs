//! Whether the cluster and the queue give containers as large as those that are asked for.

use selvedge_core::config::options::yarn;
use yarn_common::conf::{HadoopConfiguration, keys};
use yarn_common::resource::Resource;
use yarn_rest::model::Scheduler;

use super::Request;
use crate::yarn::YarnError;

/// Where YARN puts what names no queue, unless its rules say otherwise.
const DEFAULT_QUEUE: &str = "default";

/// A container that is asked for, with the settings that make it so large.
struct Role<'a> {
    name: &'static str,
    wanted: &'a Resource,
    memory_key: &'static str,
    cores_key: &'static str,
}

fn roles(request: &Request) -> [Role<'_>; 2] {
    [
        Role {
            name: "the ApplicationMaster",
            wanted: &request.master,
            memory_key: "jobmanager.memory.process.size",
            cores_key: yarn::APPMASTER_VCORES.key(),
        },
        Role {
            name: "a TaskManager",
            wanted: &request.worker,
            memory_key: "taskmanager.memory.process.size",
            cores_key: "yarn.containers.vcores (else taskmanager.numberOfTaskSlots)",
        },
    ]
}

/// The setting of an external resource's amount, where YARN calls it `kind`.
fn amount_key(request: &Request, kind: &str) -> (String, String) {
    let name = request.external_names.get(kind).map_or("<name>", String::as_str);
    (name.to_owned(), format!("external-resource.{name}.amount"))
}

/// Whether the largest container of the cluster is large enough.
pub(super) fn check_cluster(
    request: &Request,
    maximum: &Resource,
    hadoop: &HadoopConfiguration,
) -> Result<(), YarnError> {
    let unit = hadoop.minimum_allocation()?;
    for role in roles(request) {
        let Role {
            name,
            wanted,
            memory_key,
            cores_key,
        } = role;
        let rounded = wanted.rounded_up_to(&unit).memory_mb;
        if wanted.memory_mb > maximum.memory_mb {
            return Err(YarnError::NotReady(format!(
                "{name} needs {} MiB of memory ({memory_key}), but the largest container of the cluster has {} MiB: lower \
                 {memory_key}, or raise {} (and the memory of the NodeManagers)",
                wanted.memory_mb,
                maximum.memory_mb,
                keys::MAXIMUM_ALLOCATION_MB
            )));
        }
        if rounded > maximum.memory_mb {
            return Err(YarnError::NotReady(format!(
                "{name} needs {} MiB of memory ({memory_key}), which YARN rounds up to {rounded} MiB, a multiple of {} \
                 ({} MiB); the largest container of the cluster has {} MiB: lower {memory_key}",
                wanted.memory_mb,
                keys::MINIMUM_ALLOCATION_MB,
                unit.memory_mb,
                maximum.memory_mb
            )));
        }
        if wanted.vcores > maximum.vcores {
            return Err(YarnError::NotReady(format!(
                "{name} needs {} virtual cores ({cores_key}), but the largest container of the cluster has {}: lower \
                 {cores_key}, or raise {}",
                wanted.vcores,
                maximum.vcores,
                keys::MAXIMUM_ALLOCATION_VCORES
            )));
        }
        for (kind, amount) in &wanted.extra {
            check_extra(request, name, (kind, *amount), maximum.extra.get(kind).copied())?;
        }
    }
    Ok(())
}

fn check_extra(request: &Request, role: &str, wish: (&str, u64), largest: Option<u64>) -> Result<(), YarnError> {
    let (kind, wanted) = wish;
    let (name, amount) = amount_key(request, kind);
    match largest {
        None => Err(YarnError::NotReady(format!(
            "{role} needs {wanted} {kind} ({amount}), and the cluster knows no resource of that name: declare it in YARN's \
             resource-types.xml, or correct external-resource.{name}.yarn.config-key"
        ))),
        Some(largest) if wanted > largest => Err(YarnError::NotReady(format!(
            "{role} needs {wanted} {kind} ({amount}), but the largest container of the cluster has {largest}: lower {amount}"
        ))),
        Some(_) => Ok(()),
    }
}

/// Whether the largest container of the queue is large enough, as far as the scheduler tells. Where no queue is named, YARN's
/// rules may put the application into another than the usual one: then `note` hears of it.
pub(super) fn check_queue(
    request: &Request,
    scheduler: &Scheduler,
    note: &mut (dyn FnMut(&str) + Send),
) -> Result<(), YarnError> {
    let queue = scheduler.find(request.queue.as_deref().unwrap_or(DEFAULT_QUEUE));
    let Some((queue, maximum)) = queue.and_then(|queue| Some((queue, queue.maximum_allocation()?))) else {
        return Ok(());
    };
    let Some(misfit) = misfit_of_queue(request, &queue.path, &maximum) else {
        return Ok(());
    };
    if request.queue.is_some() {
        return Err(YarnError::NotReady(misfit));
    }
    note(&format!(
        "{misfit}. No queue is named: unless YARN's rules find another one, that is where the application goes, and it fails there"
    ));
    Ok(())
}

/// The first amount that no container of the queue has.
fn misfit_of_queue(request: &Request, queue: &str, maximum: &Resource) -> Option<String> {
    let key = yarn::APPLICATION_QUEUE.key();
    let told = |role: &str, needs: String, setting: &str, has: u64, property: &str| {
        format!(
            "{role} needs {needs} ({setting}), but the largest container of the queue '{queue}' ({key}) has {has}: lower \
             {setting}, name another queue, or have yarn.scheduler.capacity.{queue}.{property} raised"
        )
    };
    roles(request).into_iter().find_map(|role| {
        let Role {
            name,
            wanted,
            memory_key,
            cores_key,
        } = role;
        if wanted.memory_mb > maximum.memory_mb {
            let needs = format!("{} MiB of memory", wanted.memory_mb);
            return Some(told(
                name,
                needs,
                memory_key,
                maximum.memory_mb,
                "maximum-allocation-mb",
            ));
        }
        if wanted.vcores > maximum.vcores {
            let needs = format!("{} virtual cores", wanted.vcores);
            let has = maximum.vcores.into();
            return Some(told(name, needs, cores_key, has, "maximum-allocation-vcores"));
        }
        wanted.extra.iter().find_map(|(kind, amount)| {
            let has = maximum.extra.get(kind).copied().filter(|has| amount > has)?;
            let (_, setting) = amount_key(request, kind);
            Some(told(
                name,
                format!("{amount} {kind}"),
                &setting,
                has,
                "maximum-allocation",
            ))
        })
    })
}
