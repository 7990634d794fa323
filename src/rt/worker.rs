//! What runs on one core: the tasks of one shard.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use glommio::io::PollableFd;
use glommio::{Latency, Shares, Task, TaskQueueHandle};

use super::answers::Waiting;
use super::clock::{KernelClock, Offset};
use super::disk::ShardDisk;
use super::driver::Driver;
use super::errands::Errands;
use super::fleet::{ShardFleet, Tickets};
use super::http::{Server, ServerOptions};
use super::ingest::{Ingest, IngestOptions};
use super::post::{Counter, Mailroom};
use super::pulse::Pulse;
use super::readiness::Readiness;
use super::sockets::Door;
use super::stop::{Bell, Life};
use super::timer::{self, Sleep};
use super::turn;
use crate::http::{Reporter, RollUps};
use crate::model::refusal::Protocol;
use crate::seam::Post;
use crate::shard::mail::Mail;
use crate::shard::vitals::Vitals;
use crate::shard::{Part, Progress, Shard};
use crate::store::log::TicketState;

/// Shares of a core that has more to do than it can. Answers have twice as much as points while they are
/// small (see [`Part`]), because somebody looks at the clock; what takes longer has what points leave.
const INGEST_SHARES: usize = 900;
const QUERY_SHARES: usize = 1800;
const REST_SHARES: usize = 100;
/// What the names of files begin with whose writes somebody waits for.
const URGENT_FILES: &str = "log/";
/// How long the last commit may take.
const COMMIT_MAX: Duration = Duration::from_secs(10);
/// Until a letter is tried again whose box was full.
const RETRY: Duration = Duration::from_millis(1);
/// Between two looks at who sends.
const MINUTE: Duration = Duration::from_secs(60);
/// Share of a shard's load above which one address is worth a line in the log.
const ONE_SOURCE_SHARE_MAX: f64 = 0.5;
/// Bytes a minute below which it is not: about 25,000 points a second.
const LOAD_WORTH_A_LINE: u64 = 64 << 20;
/// The shard that runs roll-ups and reports, and between two looks at what is due.
const ROLLING: usize = 0;
const ROLLUPS_DUE: Duration = Duration::from_secs(1);
const REPORTS_DUE: Duration = Duration::from_secs(1);
/// How long a shard that is done waits for the others, which may still ask it.
const LINGER_MAX: Duration = Duration::from_secs(12);

/// Everything that one shard is given when it starts.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) doors: Vec<Door>,
    pub(super) mailroom: Mailroom,
    pub(super) errands: Errands,
    pub(super) life: Arc<Life>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) offset: Offset,
    pub(super) folder: PathBuf,
    pub(super) ingest: IngestOptions,
    pub(super) http: ServerOptions,
}

impl Worker {
    /// Run `shard` until the stop. Gives its last counters.
    pub(super) async fn run(self, shard: Shard) -> io::Result<Vitals> {
        let executor = glommio::executor();
        // None has a latency of its own: how often the executor looks at the kernel is up to `turn`.
        let queue = |shares, name| {
            executor.create_task_queue(Shares::Static(shares), Latency::NotImportant, name)
        };
        let ingest_queue = queue(INGEST_SHARES, "ingest");
        let query_queue = queue(QUERY_SHARES, "queries");
        let rest_queue = queue(REST_SHARES, "rest");
        let shard = Rc::new(RefCell::new(shard));
        let disk = ShardDisk::new(&self.folder, URGENT_FILES)?;
        let clock = Rc::new(KernelClock::new(self.offset));
        let driver = Driver::new(Rc::clone(&shard), disk, clock);
        let (stop, tickets) = (Bell::default(), Rc::new(Tickets::default()));
        let stop_bell = self.life.bell(self.number)?;
        let (http_doors, ingest_doors): (Vec<Door>, Vec<Door>) = self
            .doors
            .into_iter()
            .partition(|door| door.protocol == Protocol::Http);

        let counter = Counter {
            room: self.mailroom,
            number: self.number,
            driver: driver.clone(),
        };
        let clerk = Clerk {
            counter: counter.clone(),
            tickets: Rc::clone(&tickets),
            driver: driver.clone(),
        };
        let _bell = spawn(counter.clone().listen(counter.bell()?), query_queue)?;
        let _clerk = spawn(clerk.run(), query_queue)?;
        let caretaker = Caretaker {
            number: self.number,
            counter: counter.clone(),
            driver: driver.clone(),
            life: Arc::clone(&self.life),
            is_recovering: true,
        };
        let _caretaker = spawn(caretaker.run(), rest_queue)?;
        let _due = spawn(driver.clone().tick(), ingest_queue)?;
        let _tick = spawn(timer::tick(self.pulse), query_queue)?;
        let watch = watch_sources(self.number, counter.shards(), Rc::clone(&shard));
        let _watch = spawn(watch, query_queue)?;
        let readiness = Readiness::new()?;
        let _readiness = spawn(readiness.clone().run(driver.clone()), query_queue)?;
        let server = Rc::new(Server {
            options: self.http,
            fleet: ShardFleet {
                shard: self.number,
                counter,
                tickets,
                life: Arc::clone(&self.life),
                driver: driver.clone(),
                errands: self.errands,
                familiar: RefCell::new(shard.borrow().familiar()),
                senders: Cell::new(0),
                questions: Cell::new(0),
            },
            shard: Rc::clone(&shard),
            readiness,
            stop: stop.clone(),
            open: Cell::new(0),
            bodies_bytes: Cell::new(0),
            waiting: Waiting::default(),
        });
        let rolls_up = self.number == ROLLING && server.options.answers.kairos.rollups;
        let _rollups = match rolls_up {
            true => Some(spawn(roll_up(Rc::clone(&server)), query_queue)?),
            false => None,
        };
        let reports = self.number == ROLLING && server.options.answers.kairos.report.is_some();
        let _reports = match reports {
            true => Some(spawn(report(Rc::clone(&server)), query_queue)?),
            false => None,
        };
        let mut listeners = Vec::new();
        for door in http_doors {
            let listening = Rc::clone(&server).listen(door.socket);
            listeners.push(spawn(listening, query_queue)?);
        }
        let guests = Rc::clone(&server);
        let ingest = Ingest::new(
            self.ingest,
            ingest_doors,
            driver.clone(),
            Box::new(move |socket, read| guests.welcome(socket, read, query_queue)),
            stop.clone(),
            &stop_bell,
        )?;
        let ingest = spawn(ingest.run(), ingest_queue)?;
        self.life.count_started();

        wait_for(stop_bell).await?;
        stop.ring();
        ingest.await?;
        for listener in listeners {
            listener.await?;
        }
        server.finish().await;
        commit(&driver).await;
        self.life.count_drained();
        linger(&self.life).await;
        driver.close().await;
        let last = shard.borrow().describe();
        Ok(last)
    }
}

fn spawn<T: 'static>(
    task: impl Future<Output = T> + 'static,
    queue: TaskQueueHandle,
) -> io::Result<Task<T>> {
    glommio::spawn_local_into(task, queue).map_err(io::Error::from)
}

async fn wait_for(bell: OwnedFd) -> io::Result<()> {
    let bell = PollableFd::new(bell).map_err(io::Error::from)?;
    bell.readable().await.map_err(io::Error::from)
}

/// Each minute, see whether one address brings more than its share of this shard's load: with several
/// shards that is what leaves the others idle.
async fn watch_sources(number: usize, shards: usize, shard: Rc<RefCell<Shard>>) {
    loop {
        glommio::timer::sleep(MINUTE).await;
        let load = shard.borrow_mut().turn_minute();
        let heavy = ONE_SOURCE_SHARE_MAX < load.largest_share() && LOAD_WORTH_A_LINE < load.bytes;
        if let Some((address, _)) = load.largest.filter(|_| heavy && 1 < shards) {
            tracing::warn!(
                "shard {number} gets {:.0} % of its load from {address}; if many senders stand behind that \
                 address, add it to steering.spread",
                100.0 * load.largest_share()
            );
        }
    }
}

/// Run roll-ups as they become due.
async fn roll_up(server: Rc<Server>) {
    let mut rollups = RollUps::default();
    loop {
        let more = rollups.turn(&server.fleet, &server.options.answers).await;
        let pause = if more { RETRY } else { ROLLUPS_DUE };
        glommio::timer::sleep(pause).await;
    }
}

/// Store what KairosDB tells of itself as it becomes due.
async fn report(server: Rc<Server>) {
    let mut reporter = Reporter::default();
    loop {
        reporter.turn(&server.fleet, &server.options.answers).await;
        glommio::timer::sleep(REPORTS_DUE).await;
    }
}

/// Bring all that was read to stable storage, within reason: a disk that is full or broken must not
/// keep the process for ever.
async fn commit(driver: &Driver) {
    let ticket = driver.shard().borrow_mut().ticket();
    driver.pump();
    let mut late = Sleep::over(COMMIT_MAX);
    let mut done = pin!(driver.wait_for(|shard| match shard.state(ticket) {
        TicketState::Pending => None,
        state => Some(state),
    }));
    let state = poll_fn(|context| match done.as_mut().poll(context) {
        Poll::Ready(state) => Poll::Ready(state),
        Poll::Pending => {
            let late = Pin::new(&mut late).poll(context);
            late.map(|()| TicketState::Failed)
        }
    });
    if state.await != TicketState::Committed {
        tracing::error!("the last points could not be written to the disk before the stop");
    }
}

/// Others may still need this shard's answers.
async fn linger(life: &Life) {
    let step = Duration::from_millis(5);
    // By the clock: on a busy shard a short sleep may take long.
    let began = Instant::now();
    while !life.is_drained() && began.elapsed() < LINGER_MAX {
        glommio::timer::sleep(step).await;
    }
}

/// Opens a shard's mail, lets it work on answers in slices, and posts what comes of it.
struct Clerk {
    counter: Counter,
    tickets: Rc<Tickets>,
    driver: Driver,
}

impl Clerk {
    /// While another's box is full the own one is emptied all the same: two shards never wait for each
    /// other.
    async fn run(self) {
        loop {
            self.open_mail();
            match self.work() {
                Progress::More => {
                    turn::breathe(turn::SHORT).await;
                }
                Progress::Blocked => glommio::timer::sleep(RETRY).await,
                Progress::Idle => self.driver.news(Part::Answers).await,
            }
        }
    }

    /// A slice. Where nothing goes on until points are in files or back from the log, also one of that: then
    /// it is what everybody waits for.
    fn work(&self) -> Progress {
        let mut shard = self.driver.shard().borrow_mut();
        let mut progress = shard.work(Part::Answers, &self.counter);
        let is_handed_on = shard.take_handed_on();
        if shard.is_pressed() && shard.work(Part::Rest, &self.counter) == Progress::More {
            progress = Progress::More;
        }
        drop(shard);
        if is_handed_on {
            self.driver.tell_clerk(Part::Rest);
        }
        self.driver.pump();
        progress
    }

    fn open_mail(&self) {
        let letters = self.counter.empty();
        if letters.is_empty() {
            return;
        }
        for mail in letters {
            match mail {
                Mail::Answer {
                    from,
                    ticket,
                    reply,
                } => self.tickets.answer(from, ticket, reply),
                other => self.driver.shard().borrow_mut().open_mail(other),
            }
        }
        // It may be about files.
        self.driver.tell_clerk(Part::Rest);
    }
}

/// Lets a shard work on all the rest, in slices.
struct Caretaker {
    number: usize,
    counter: Counter,
    driver: Driver,
    life: Arc<Life>,
    is_recovering: bool,
}

impl Caretaker {
    async fn run(mut self) {
        loop {
            let progress = self
                .driver
                .shard()
                .borrow_mut()
                .work(Part::Rest, &self.counter);
            if progress == Progress::More && self.driver.shard().borrow().is_pressed() {
                self.driver.tell_clerk(Part::Answers);
            }
            self.driver.pump();
            self.tell();
            match progress {
                Progress::More => turn::give_way(turn::SHORT).await,
                Progress::Blocked => glommio::timer::sleep(RETRY).await,
                Progress::Idle => self.driver.news(Part::Rest).await,
            }
        }
    }

    /// What the shard has to say, to the log; and that it has all of its points again.
    fn tell(&mut self) {
        let mut shard = self.driver.shard().borrow_mut();
        for trouble in shard.take_troubles() {
            tracing::warn!("shard {}: {trouble}", self.number);
        }
        if self.is_recovering && !shard.is_recovering() {
            self.is_recovering = false;
            self.life.count_recovered();
        }
    }
}
