//! From decoded samples to points in the head.

use std::sync::Arc;

use crate::access::Gate;
use crate::base::time::{Arrival, Millis};
use crate::index::{self, Follow, Index};
use crate::model::number::Number;
use crate::model::refusal::{Protocol, Reason};
use crate::model::sample::{Samples, Span};
use crate::model::series::{
    Properties, SERIES_BYTES_MAX, SentName, SeriesId, SeriesName, TenantId,
};
use crate::store::Store;
use crate::store::definition::Definition;
use crate::wire::carbon_tags::TagParser;
use crate::wire::carbon_tags::typed::{self, Source, Typed};
use crate::wire::kairos_sent as form;
use crate::wire::name;

use super::vitals::Vitals;

/// Everything behind the decoders: nothing here may fail, whatever was sent.
pub(super) struct Landing {
    pub(super) gate: Gate,
    pub(super) index: Index,
    pub(super) store: Store,
    pub(super) vitals: Vitals,
    pub(super) ids: Vec<u32>,
    /// What takes the paths of Graphite's doors apart, if anything does.
    pub(super) parser: Option<Arc<TagParser>>,
    pub(super) typed: Typed,
}

impl Landing {
    /// [`Landing::land`] for the doors of Graphite, whose paths may have to be taken apart.
    pub(super) fn land_paths(
        &mut self,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
        at: Arrival,
        follow: &mut Follow,
    ) {
        if self.parser.is_none() {
            return self.land(protocol, text, samples, at, follow);
        }
        let source = match protocol {
            Protocol::Pickle => Source::Items,
            _ => Source::Lines,
        };
        let mut typed = std::mem::take(&mut self.typed);
        let (mut next, count) = (0, samples.len());
        loop {
            let (behind, names, some) = typed.step(source, text, samples, next);
            self.land(protocol, names, some, at, follow);
            next = behind;
            if count <= next {
                break;
            }
        }
        self.typed = typed;
    }

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
        if samples.is_empty() {
            samples.series.clear();
            return self.take_refusals(protocol, 0, 0, samples);
        }
        match samples.has_texts {
            true => self.land_all::<true>(protocol, text, samples, at, follow),
            false => self.land_all::<false>(protocol, text, samples, at, follow),
        }
    }

    /// [`Landing::land`] of a batch that may have texts, or surely has none.
    fn land_all<const TEXTS: bool>(
        &mut self,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
        at: Arrival,
        follow: &mut Follow,
    ) {
        self.store.begin_read(at.stamp);
        let followed = follow.is_trusted();
        self.index
            .resolve(text, &samples.names, follow, &mut self.ids);
        if !followed {
            // Series in no order: fetch what the points will touch side by side.
            self.ids
                .iter()
                .for_each(|&id| self.store.prefetch_tail(SeriesId(id)));
        }
        let (mut accepted, mut full) = (0, 0);
        let mut ids = std::mem::take(&mut self.ids);
        let points = samples.names.iter().zip(&samples.times);
        let points = points.zip(&samples.numbers);
        for (id, ((name, &time), &number)) in ids.iter_mut().zip(points) {
            if *id == index::UNKNOWN {
                match self.meet(name.of(text), follow) {
                    Ok(new) => *id = new.0,
                    Err(reason) => {
                        samples.refusals.count(reason);
                        continue;
                    }
                }
            }
            let (id, time) = (SeriesId(*id), Millis(time));
            let taken = match TEXTS {
                true if number.scale == Number::TEXT => {
                    self.append_text(id, time, text_of(number, text))
                }
                _ => self.store.append(id, time, number),
            };
            match taken {
                Ok(()) => accepted += 1,
                Err(Reason::HeadFull) => full += 1,
                Err(reason) => samples.refusals.count(reason),
            }
        }
        samples.clear();
        // Whoever knows the names again wants to know.
        std::mem::swap(&mut samples.series, &mut ids);
        self.ids = ids;
        self.take_refusals(protocol, accepted, full, samples);
    }

    /// A text that is no UTF-8 is none.
    #[cold]
    fn append_text(&mut self, id: SeriesId, time: Millis, text: &[u8]) -> Result<(), Reason> {
        let text = std::str::from_utf8(text).map_err(|_| Reason::Value)?;
        self.store.append_text(id, time, text)
    }

    fn take_refusals(
        &mut self,
        protocol: Protocol,
        accepted: u64,
        full: u64,
        samples: &mut Samples,
    ) {
        self.vitals.accepted[protocol as usize] += accepted;
        let refused = &mut self.vitals.refused[protocol as usize];
        refused.add(Reason::HeadFull, full);
        refused.absorb(&mut samples.refusals);
    }

    /// A name in a form that was not seen before.
    #[cold]
    fn meet(&mut self, sent: &[u8], follow: &mut Follow) -> Result<SeriesId, Reason> {
        if form::is_form(sent) {
            let path = typed::path_of(sent);
            let (tenant, sent_form) = match (path, &self.parser) {
                (Some((_, path)), _) if SERIES_BYTES_MAX < path.len() => {
                    return Err(Reason::NameLong);
                }
                (Some((values, path)), Some(parser)) => {
                    let admitted = self.gate.admit(SentName(path))?;
                    (admitted.tenant, parser.parse(admitted.name, values)?)
                }
                _ => (TenantId::DEFAULT, form::name_of(sent)?),
            };
            let form::Sent {
                name,
                values,
                ttl_seconds,
            } = sent_form;
            let properties = Properties {
                values,
                ttl_seconds: match ttl_seconds {
                    0 => self.store.kairos_ttl_seconds(),
                    some => some,
                },
                ..Properties::default()
            };
            return self.intern(tenant, name, properties, sent, follow);
        }
        if SERIES_BYTES_MAX < sent.len() {
            return Err(Reason::NameLong);
        }
        let admitted = self.gate.admit(SentName(sent))?;
        let name = name::parse(admitted.name)?;
        let properties = Properties::default();
        self.intern(admitted.tenant, name, properties, sent, follow)
    }

    fn intern(
        &mut self,
        tenant: TenantId,
        name: SeriesName,
        properties: Properties,
        sent: &[u8],
        follow: &mut Follow,
    ) -> Result<SeriesId, Reason> {
        let id = self
            .index
            .intern(tenant, &name, properties.variant(), sent, follow)?;
        self.store.note_met(id, self.index.identity(id));
        for sibling in self.index.siblings(id) {
            self.store.keep_order(sibling);
        }
        self.store.admit(id, properties, |number| Definition {
            number,
            tenant,
            properties,
            name,
        });
        Ok(id)
    }
}

/// The text of a value that is one; empty where it lies outside, which no decoder says.
fn text_of(number: Number, text: &[u8]) -> &[u8] {
    let place = number.mantissa as u64;
    let span = Span {
        start: (place >> 32) as u32,
        len: place as u32,
    };
    let start = span.start as usize;
    text.get(start..start + span.len as usize)
        .unwrap_or_default()
}
