//! What is asked for or offered, where that may be unknown or unlimited.

use super::ResourceProfile;

/// A profile that may be unknown or unlimited (Flink 1.20 `ResourceProfile.UNKNOWN` and `.ANY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileSpec {
    /// Not stated: whoever asks takes the default slot, whoever offers has nothing that can be counted.
    Unknown,
    /// More than anybody asks for.
    Infinite,
    /// Known.
    Exactly(ResourceProfile),
}

impl ProfileSpec {
    /// The profile that counts where `default` stands for an unknown one. An unlimited one has none.
    pub fn or_default<'a>(&'a self, default: &'a ResourceProfile) -> Option<&'a ResourceProfile> {
        match self {
            Self::Unknown => Some(default),
            Self::Infinite => None,
            Self::Exactly(profile) => Some(profile),
        }
    }

    /// Whether an offered slot is what `required` asks for: the same, unlimited, or nothing was stated.
    /// An unknown offer matches nothing.
    pub fn matches(&self, required: &Self) -> bool {
        match (self, required) {
            (Self::Unknown, _) => false,
            (Self::Infinite, _) | (_, Self::Unknown) => true,
            (offered, required) => offered == required,
        }
    }

    /// Whether no part of `self` is less than that of `other`. Anything covers an unknown profile, an unknown one only that.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Infinite, _) | (_, Self::Unknown) => true,
            (Self::Unknown, _) | (Self::Exactly(_), Self::Infinite) => false,
            (Self::Exactly(own), Self::Exactly(other)) => own.covers(other),
        }
    }

    /// Both together. Unlimited wins over unknown, and both over what is known. `None` where a sum is more than a size can be.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.combine(other, ResourceProfile::checked_add)
    }

    /// What is left, by the same rules. `None` where `self` does not cover `other`.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.combine(other, ResourceProfile::checked_sub)
    }

    /// So many times as much.
    pub fn checked_mul(&self, factor: u32) -> Option<Self> {
        match self {
            Self::Exactly(profile) => profile.checked_mul(factor).map(Self::Exactly),
            other => Some(other.clone()),
        }
    }

    fn combine(
        &self,
        other: &Self,
        known: impl Fn(&ResourceProfile, &ResourceProfile) -> Option<ResourceProfile>,
    ) -> Option<Self> {
        match (self, other) {
            (Self::Infinite, _) | (_, Self::Infinite) => Some(Self::Infinite),
            (Self::Unknown, _) | (_, Self::Unknown) => Some(Self::Unknown),
            (Self::Exactly(own), Self::Exactly(other)) => known(own, other).map(Self::Exactly),
        }
    }
}

impl From<ResourceProfile> for ProfileSpec {
    fn from(profile: ResourceProfile) -> Self {
        Self::Exactly(profile)
    }
}
