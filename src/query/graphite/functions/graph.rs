//! Functions that say how pictures show series: group "Graph".

use super::parameter::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
