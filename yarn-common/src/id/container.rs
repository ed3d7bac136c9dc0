use std::fmt;
use std::str::FromStr;

use super::parse::{Kind, serde_as_text};
use super::{ApplicationAttemptId, ApplicationId, ParseIdError};

const KIND: Kind = Kind {
    name: "a container id",
    form: "container_[e<epoch>_]<cluster timestamp>_<application number>_<attempt number>_<container number>",
};

const SEQUENCE_BITS: u32 = 40;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;
/// The packed id is a Java `long`, so the epoch has 23 bits.
const MAX_EPOCH: u64 = i64::MAX as u64 >> SEQUENCE_BITS;

/// Ids that count down from 0 have this bit in their sequence number, and ResourceManagers never count up so far.
const COUNTS_DOWN: u64 = 1 << (SEQUENCE_BITS - 1);

/// One container: the attempt it was allocated to, the ResourceManager's epoch and a sequence number.
///
/// The epoch counts the restarts of the ResourceManager; Hadoop writes it (`container_e17_…`) only where it is not 0.
///
/// Where NodeManagers allot containers themselves (distributed scheduling) they count down from the epoch's 0, so that no
/// two of an attempt are alike: without an epoch the packed id is then negative, and the sequence number a large one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    attempt: ApplicationAttemptId,
    packed: u64,
}

impl ContainerId {
    /// The container with Hadoop's packed 64-bit id (`epoch << 40 | sequence`), as protocol buffers carry it; of a negative
    /// one the same bits.
    pub const fn from_packed(attempt: ApplicationAttemptId, packed: u64) -> Self {
        Self { attempt, packed }
    }

    /// The attempt that the container was allocated to.
    pub const fn attempt(self) -> ApplicationAttemptId {
        self.attempt
    }

    /// The application that the container belongs to.
    pub const fn application(self) -> ApplicationId {
        self.attempt.application()
    }

    /// Hadoop's packed 64-bit id, `epoch << 40 | sequence`: the bits of a Java `long`.
    pub const fn packed(self) -> u64 {
        self.packed
    }

    /// How often the ResourceManager had restarted when it allocated the container.
    pub const fn epoch(self) -> u64 {
        match self.packed >> SEQUENCE_BITS {
            epoch if epoch > MAX_EPOCH => 0,
            epoch => epoch,
        }
    }

    /// The number of the container within its attempt and epoch; 1 is usually the ApplicationMaster.
    pub const fn sequence(self) -> u64 {
        self.packed & SEQUENCE_MASK
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("container_")?;
        if self.epoch() > 0 {
            write!(f, "e{:02}_", self.epoch())?;
        }
        let application = self.application();
        write!(
            f,
            "{}_{:04}_{:02}_{:06}",
            application.cluster_timestamp(),
            application.sequence(),
            self.attempt.attempt(),
            self.sequence()
        )
    }
}

impl FromStr for ContainerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = KIND.parts(text, "container")?;
        let (epoch, numbers) = match parts.first().and_then(|first| first.strip_prefix('e')) {
            Some(epoch) => (KIND.long(text, epoch, "epoch")?, &parts[1..]),
            None => (0, &parts[..]),
        };
        let &[timestamp, sequence, attempt, container] = numbers else {
            return Err(KIND.error(text, "it has not four numbers after the epoch"));
        };
        let application = ApplicationId::new(
            KIND.long(text, timestamp, "cluster timestamp")?,
            KIND.int(text, sequence, "application number")?,
        );
        let attempt = application.attempt(KIND.int(text, attempt, "attempt number")?);
        let container = KIND.long(text, container, "container number")?;
        if epoch > MAX_EPOCH || container > SEQUENCE_MASK {
            return Err(KIND.error(text, "the epoch or the container number is too large"));
        }
        let epoch = match epoch {
            0 if container >= COUNTS_DOWN => u64::MAX << SEQUENCE_BITS,
            epoch => epoch << SEQUENCE_BITS,
        };
        Ok(Self::from_packed(attempt, epoch | container))
    }
}

serde_as_text!(ContainerId);
