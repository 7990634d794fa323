//! Keys become tenants: the only place where a sent name turns into a name that belongs to somebody.
//!
//! Access is off in this version: there is one tenant, and a prefix is part of the name.
#![forbid(unsafe_code)]

use crate::model::refusal::Reason;
use crate::model::series::{SentName, TenantId};

/// A name with its owner; what stood in front of it as a key is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted<'a> {
    /// Who owns the series.
    pub tenant: TenantId,
    /// The name behind the key.
    pub name: &'a [u8],
}

/// Decides who may write what.
#[derive(Clone, Copy, Debug, Default)]
pub enum Gate {
    /// Everybody is the default tenant.
    #[default]
    Open,
}

impl Gate {
    /// Split the key off a sent name and say whose it is. Asked once for each new form of a name;
    /// a form that was admitted is found by its bytes from then on.
    ///
    /// # Errors
    /// Why this sender may not write this name.
    pub fn admit<'a>(&self, sent: SentName<'a>) -> Result<Admitted<'a>, Reason> {
        match self {
            Gate::Open => Ok(Admitted {
                tenant: TenantId::DEFAULT,
                name: sent.0,
            }),
        }
    }
}
