//! What the worker says of itself when it registers.

use selvedge_runtime::gateway::handshake;
use selvedge_runtime::gateway::proto::{HardwareDescription, RegisterTaskExecutorRequest};

use super::service::Service;

impl Service {
    pub(super) fn register(&self) {
        let memory = &self.config.memory;
        self.resource_manager.register(RegisterTaskExecutorRequest {
            resource_id: self.identity.resource_id.0.clone(),
            rpc_address: self.identity.rpc_address.clone(),
            data_address: self.identity.data_address.clone(),
            host: self.identity.node.clone(),
            hardware: Some(HardwareDescription {
                cpu_cores: memory.vcores(),
                physical_memory: memory.total_process().bytes(),
                free_memory: memory.total_process().bytes(),
                managed_memory: memory.managed.bytes(),
            }),
            memory: Some(self.config.memory_configuration()),
            total_resource: Some((&memory.total_profile()).into()),
            default_slot: Some(self.state.slots.profile().into()),
            slots: self.state.slots.report(),
            external_resources: self.external_resources.clone(),
            number_of_slots: memory.number_of_slots,
            process: Some(handshake::of_worker(self.identity.instance_id)),
        });
    }
}
