//! Functions that put series into another order: group "Sorting".

use super::parameter::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
