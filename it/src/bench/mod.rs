//! What several benches measure with: clusters that are started by hand, applications whose master is a process of the
//! bench, and processes that say how far they are.

mod by_hand;
mod child;
mod unmanaged;

pub use by_hand::{ByHand, SECRET, all_to_all};
pub use child::{Child, Moment, step};
pub use unmanaged::Unmanaged;
