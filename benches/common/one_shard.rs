//! One shard that answers itself, with its files in memory.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::Write;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use corelane::base::buffer::{READ_BYTES, ReadBuffer};
use corelane::base::time::{Arrival, Millis, Stamp};
use corelane::http::{Deletion, Fleet, HttpOptions, Local, Sender, Unstored, answer};
use corelane::model::refusal::Protocol;
use corelane::model::sample::Samples;
use corelane::query::error::QueryError;
use corelane::query::plan::Plan;
use corelane::query::scan::Partial;
use corelane::seam::Post;
use corelane::shard::feed::Feed;
use corelane::shard::mail::{Mail, Reply};
use corelane::shard::sources::Source;
use corelane::shard::vitals::Vitals;
use corelane::shard::{Part, Shard};
use corelane::simd::Isa;
use corelane::store::control::{Control, Entry};

use super::memory_disk::MemoryDisk;
use super::{START_S, fresh_shard, options};

/// CPU time of this thread so far.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One shard that answers itself. Every breath is taken, so that each poll is one piece.
pub(crate) struct OneShard {
    shard: RefCell<Shard>,
    disk: RefCell<MemoryDisk>,
    pub(crate) longest_slice: Cell<Duration>,
    scanning: Cell<Duration>,
}

/// Keeps what a shard posts.
#[derive(Default)]
struct Postbag(RefCell<Vec<Mail>>);

impl Post<Mail> for Postbag {
    fn shards(&self) -> usize {
        1
    }

    fn send(&self, _to: usize, mail: Mail) -> Result<(), Mail> {
        self.0.borrow_mut().push(mail);
        Ok(())
    }
}

impl OneShard {
    /// With so many series of a point each second.
    pub(crate) fn new(series: usize, seconds: u64) -> OneShard {
        let mut shard = fresh_shard(options(series, Isa::available()[0]));
        let mut buffer = ReadBuffer::default();
        let mut feed = Feed::new(Protocol::Graphite, Source::default());
        let mut text = Vec::new();
        for second in 0..seconds {
            for i in 0..series {
                let value = (i as u64 * 7919 + second * 104_729) % 100_000;
                let value = value as f64 / 64.0;
                writeln!(text, "dc.h{i:04}.cpu {value} {}", START_S + second).expect("memory");
            }
            let at = Arrival {
                now: Millis(((START_S + second) * 1000) as i64),
                stamp: Stamp(1 + second),
            };
            for some in text.chunks(READ_BYTES) {
                buffer.read_area()[..some.len()].copy_from_slice(some);
                shard.take(&mut feed, &mut buffer, some.len(), at);
            }
            text.clear();
        }
        assert_eq!(shard.accepted(), series as u64 * seconds);
        OneShard {
            shard: RefCell::new(shard),
            disk: RefCell::default(),
            longest_slice: Cell::default(),
            scanning: Cell::default(),
        }
    }

    /// Bring all points into files, and merge these.
    pub(crate) fn seal(&self) {
        let mut shard = self.shard.borrow_mut();
        shard.open_mail(Mail::Settle {
            from: 0,
            ticket: 0,
            merge: true,
        });
        for stamp in 0.. {
            shard.poll(Arrival {
                now: Millis((START_S * 1000) as i64),
                stamp: Stamp((1 << 40) + stamp * 1000),
            });
            let post = Postbag::default();
            for part in Part::ALL {
                shard.work(part, &post);
            }
            self.turn_disk(&mut shard);
            for mail in post.0.into_inner() {
                if matches!(mail, Mail::Answer { .. }) {
                    return;
                }
                shard.open_mail(mail);
            }
        }
    }

    fn turn_disk(&self, shard: &mut Shard) {
        while let Some((job, request)) = shard.take_job() {
            let done = self.disk.borrow_mut().carry_out(request);
            shard.disk_done(job, done);
        }
    }

    /// Ask, and give the status, the bytes and the CPU of all of it.
    pub(crate) fn cpu_of(&self, path: &str) -> (u16, usize, Duration) {
        let began = cpu_time();
        let (status, bytes, ..) = self.get(path);
        (status, bytes, cpu_time() - began)
    }

    /// Ask, in pieces; the status, the bytes, the longest piece, and all CPU but that of scans.
    pub(crate) fn get(&self, path: &str) -> (u16, usize, Duration, Duration) {
        let request = http::Request::get(path).body(Bytes::new()).expect("a path");
        let options = HttpOptions::default();
        let mut future = Box::pin(answer(request, self, &options));
        let mut context = Context::from_waker(Waker::noop());
        let (mut longest, mut total) = (Duration::ZERO, Duration::ZERO);
        loop {
            let start = cpu_time();
            let polled = future.as_mut().poll(&mut context);
            let spent = cpu_time() - start;
            let spent = spent.saturating_sub(self.scanning.take());
            longest = longest.max(spent);
            total += spent;
            if let Poll::Ready(response) = polled {
                let status = response.status().as_u16();
                return (status, response.body().len(), longest, total);
            }
        }
    }
}

impl Fleet for OneShard {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(async move {
            let mut shard = self.shard.borrow_mut();
            shard.open_mail(Mail::Scan {
                from: 0,
                ticket: 0,
                plan,
                now: Stamp(0),
            });
            let post = Postbag::default();
            let began = cpu_time();
            while !post
                .0
                .borrow()
                .iter()
                .any(|mail| matches!(mail, Mail::Answer { .. }))
            {
                for part in Part::ALL {
                    let start = cpu_time();
                    shard.work(part, &post);
                    let spent = cpu_time() - start;
                    self.longest_slice.set(self.longest_slice.get().max(spent));
                }
                self.turn_disk(&mut shard);
            }
            self.scanning.set(cpu_time() - began);
            let (mut answers, rest): (Vec<Mail>, Vec<Mail>) = post
                .0
                .into_inner()
                .into_iter()
                .partition(|mail| matches!(mail, Mail::Answer { .. }));
            // What it tells itself besides, as for the numbers of files.
            rest.into_iter().for_each(|mail| shard.open_mail(mail));
            match answers.pop() {
                Some(Mail::Answer {
                    reply: Reply::Part(part),
                    ..
                }) => part.map(|part| vec![part]),
                other => panic!("not an answer to a scan: {other:?}"),
            }
        })
    }

    fn settle(&self, _merge: bool) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async { Err(QueryError::Busy) })
    }

    fn snapshot(&self, _name: String) -> Local<'_, Result<Result<String, String>, QueryError>> {
        Box::pin(async { Ok(Err("points are in memory only here".to_owned())) })
    }

    fn ingest(
        &self,
        _sender: Sender,
        _protocol: Protocol,
        _text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        samples.clear();
        let told = "points come in by the feed here";
        Box::pin(std::future::ready(Err(Unstored::Later(told.to_owned()))))
    }

    fn delete(&self, _deletion: Deletion) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async { Err(QueryError::Busy) })
    }

    fn record(&self, _entry: Entry) -> Local<'_, Result<u64, QueryError>> {
        Box::pin(async { Err(QueryError::Busy) })
    }

    fn control(&self) -> Arc<Control> {
        Arc::default()
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        Box::pin(async { Ok(vec![self.shard.borrow().describe()]) })
    }

    fn now(&self) -> Millis {
        Millis(((START_S + 86_400) * 1000) as i64)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn breathe(&self) -> Local<'_, ()> {
        let mut breathed = false;
        Box::pin(poll_fn(move |_| {
            if std::mem::replace(&mut breathed, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }

    fn ready(&self) -> bool {
        true
    }
}
