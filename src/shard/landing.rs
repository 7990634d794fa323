//! From decoded samples to points in the head.

use crate::access::Gate;
use crate::base::time::{Arrival, Millis};
use crate::index::{self, Follow, Index};
use crate::model::refusal::{Protocol, Reason};
use crate::model::sample::Samples;
use crate::model::series::{SERIES_BYTES_MAX, SentName, SeriesId};
use crate::store::head::Head;
use crate::wire::name;

use super::vitals::Vitals;

/// Everything behind the decoders: nothing here may fail, whatever was sent.
pub(super) struct Landing {
    pub(super) gate: Gate,
    pub(super) index: Index,
    pub(super) head: Head,
    pub(super) vitals: Vitals,
    pub(super) ids: Vec<u32>,
}

impl Landing {
    /// Give every sample its series and its place, and take the samples' refusals over. `text` is what
    /// their names are spans of.
    pub(super) fn land(
        &mut self,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
        at: Arrival,
        follow: &mut Follow,
    ) {
        let followed = follow.is_trusted();
        self.index
            .resolve(text, &samples.names, follow, &mut self.ids);
        if !followed {
            // Series in no order: fetch what the points will touch side by side.
            self.ids
                .iter()
                .for_each(|&id| self.head.prefetch_tail(SeriesId(id)));
            self.ids
                .iter()
                .for_each(|&id| self.head.prefetch_block(SeriesId(id)));
        }
        let (mut accepted, mut full) = (0, 0);
        for i in 0..self.ids.len() {
            let mut id = self.ids[i];
            if id == index::UNKNOWN {
                match self.meet(samples.names[i].of(text), follow) {
                    Ok(new) => id = new.0,
                    Err(reason) => {
                        samples.refuse(reason);
                        continue;
                    }
                }
            }
            match self.head.append(
                SeriesId(id),
                Millis(samples.times[i]),
                at.stamp,
                samples.numbers[i].to_f64(),
            ) {
                Ok(()) => accepted += 1,
                Err(_) => full += 1,
            }
        }
        samples.clear();
        self.vitals.accepted[protocol as usize] += accepted;
        let refused = &mut self.vitals.refused[protocol as usize];
        refused.add(Reason::HeadFull, full);
        refused.absorb(&mut samples.refusals);
    }

    /// A name in a form that was not seen before.
    #[cold]
    fn meet(&mut self, sent: &[u8], follow: &mut Follow) -> Result<SeriesId, Reason> {
        if SERIES_BYTES_MAX < sent.len() {
            return Err(Reason::NameLong);
        }
        let admitted = self.gate.admit(SentName(sent))?;
        let name = name::parse(admitted.name)?;
        let id = self.index.intern(admitted.tenant, &name, sent, follow)?;
        self.head.admit(id);
        Ok(id)
    }
}
