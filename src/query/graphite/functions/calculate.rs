//! Functions that compute series from the course of others: group "Calculate".

use super::parameter::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
