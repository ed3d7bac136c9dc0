//! Options of the processes in containers.

area! {
    "containerized", "The processes in containers";
    families {
        /// Environment variables of the master.
        "containerized.master.env.*": Text;
        /// Environment variables of workers.
        "containerized.taskmanager.env.*": Text;
    }
}
