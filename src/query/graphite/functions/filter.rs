//! Functions that leave series or values out: groups "Filter Series" and "Filter Data".

use super::parameter::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
