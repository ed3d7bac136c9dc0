//! What Flink's own classes say, against what is said here.

mod defaults;
