//! The names of metrics: of series with tags by what is listed of their names, of others by the tree.

use std::borrow::Cow;
use std::sync::Arc;

use super::tags::TagsScan;
use super::{About, NODE_BYTES, Partial};
use crate::index::Index;
use crate::index::tags::NAME_KEY;
use crate::index::tree::Prefixed;
use crate::model::series::{SeriesId, SeriesName};
use crate::query::error::QueryError;
use crate::query::plan::{Filter, TagPart, TagQuery};
use crate::store::Store;

/// What a name in an answer costs, in nodes of the budget.
const NAME_COST: usize = 4;

/// A scan for them under way.
pub(super) struct MetricsScan {
    prefix: String,
    tagged: Option<Box<TagsScan>>,
    names: Vec<String>,
    walk: Option<Prefixed>,
}

impl MetricsScan {
    /// Begin.
    pub(super) fn new(prefix: String) -> MetricsScan {
        let query = TagQuery {
            part: TagPart::Values(NAME_KEY.to_owned()),
            tests: Vec::new(),
            filter: Filter::Prefix(prefix.clone()),
            limit: usize::MAX,
        };
        MetricsScan {
            prefix,
            tagged: Some(Box::new(TagsScan::new(Arc::new(query)))),
            names: Vec::new(),
            walk: None,
        }
    }

    /// Visit about `left` names or nodes; done when there is a partial.
    pub(super) fn slice(
        &mut self,
        index: &Index,
        store: &Store,
        about: &About,
        mut left: usize,
    ) -> Result<Option<Partial>, QueryError> {
        if let Some(tagged) = &mut self.tagged {
            if let Some(Partial::Names(names)) = tagged.slice(index, store, about, left)? {
                self.names = names;
                self.tagged = None;
                self.walk = Prefixed::new(index.tree(), about.tenant, &self.prefix);
            }
            return Ok(None);
        }
        let mut bytes = 0;
        while let Some(walk) = &mut self.walk {
            match walk.step(index.tree(), &mut left) {
                None => {
                    about.pay(bytes)?;
                    return Ok(None);
                }
                Some(None) => self.walk = None,
                Some(Some(leaf)) if index.is_all_hidden(leaf, store) => {}
                Some(Some(leaf)) => {
                    let name = metric_of(index, leaf).into_owned();
                    bytes += NODE_BYTES + name.len() as u64;
                    self.names.push(name);
                    left = left.saturating_sub(NAME_COST);
                }
            }
        }
        about.pay(bytes)?;
        Ok(Some(Partial::Names(std::mem::take(&mut self.names))))
    }
}

/// The metric of a series without tags.
fn metric_of(index: &Index, id: SeriesId) -> Cow<'_, str> {
    let text = index.text(id);
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let name = SeriesName::from_text(text);
    name.map_or(Cow::Borrowed(text), |name| {
        Cow::Owned(name.metric().to_owned())
    })
}
