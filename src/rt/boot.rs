//! From options to running shards, and from a signal to a clean end.
//!
//! In this order: cores of the affinity mask, checks, data folder, sockets of all shards, executors.
//! Whatever fails does so before the first connection is accepted, except an executor that cannot
//! start, which ends the others.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use glommio::{LocalExecutorBuilder, Placement};

use super::check::{self, CheckError};
use super::clock::Offset;
use super::errands::Errands;
use super::folder::{Folder, FolderError};
use super::http::ServerOptions;
use super::ingest::IngestOptions;
use super::options::Options;
use super::os;
use super::post::Mailroom;
use super::pulse::{self, Pulse};
use super::sockets::{self, Door, DoorError};
use super::stop::Life;
use super::turn;
use super::worker::Worker;
use crate::base::time::Stamp;
use crate::model::refusal::Protocol;
use crate::shard::Shard;
use crate::shard::vitals::Vitals;

const SIGNALS: [i32; 2] = [libc::SIGTERM, libc::SIGINT];

/// Why the appliance did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The machine lacks something.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A socket.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// No core to run on.
    #[error("cannot tell which cores this process may use; start it with `taskset -c 0-N`")]
    Cores,
    /// More shards than cores.
    #[error("{shards} shards do not fit on {cores} cores; choose at most {cores} with --shards")]
    Shards {
        /// How many were asked for.
        shards: usize,
        /// How many cores the affinity mask has.
        cores: usize,
    },
    /// A shard ended on its own.
    #[error("shard {0} ended: {1}")]
    Shard(usize, String),
    /// The kernel.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// An appliance that runs.
#[derive(Debug)]
pub struct Running {
    /// Which addresses are open, by door.
    pub bound: Vec<(Protocol, SocketAddr)>,
    life: Arc<Life>,
    ends: Receiver<(usize, Result<Vitals, String>)>,
    shards: usize,
    folder: Arc<Folder>,
}

impl Running {
    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// The data folder, held for as long as this lives.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Tell all shards to stop accepting, to read what their peers have sent, and to end.
    pub fn stop(&self) {
        self.life.stop();
    }

    /// Wait until all shards have ended. Gives their last counters, in the order of their ends.
    ///
    /// # Errors
    /// A shard ended without being told to. The others may still run: the process must end.
    pub fn wait(self) -> Result<Vec<Vitals>, ServeError> {
        let mut last = Vec::with_capacity(self.shards);
        for _ in 0..self.shards {
            let Ok((shard, end)) = self.ends.recv() else {
                break;
            };
            last.push(end.map_err(|text| ServeError::Shard(shard, text))?);
        }
        Ok(last)
    }
}

/// The cores that this process may run on. Ask before anything is pinned.
///
/// # Errors
/// [`ServeError::Cores`] if the kernel does not tell.
pub fn cores() -> Result<Vec<usize>, ServeError> {
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    if ids.is_empty() {
        return Err(ServeError::Cores);
    }
    Ok(ids.into_iter().map(|core| core.id).collect())
}

/// Start, and return when a signal has stopped it: at SIGTERM or SIGINT everything sent so far is
/// read first; a second one ends the process at once.
///
/// # Errors
/// It did not start, or a shard ended on its own.
pub fn serve(
    options: Options,
    folder: Arc<Folder>,
    highest: Stamp,
    make_shard: impl Fn(usize) -> Result<Shard, String> + Send + Sync + 'static,
) -> Result<(), ServeError> {
    // Every thread that is made from here on inherits this.
    glommio::signal::block(&SIGNALS).map_err(io::Error::from)?;
    let running = start(options, folder, highest, make_shard)?;
    let life = Arc::clone(&running.life);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || obey(&life))?;
    for (protocol, address) in &running.bound {
        tracing::info!("{} on {address}", protocol.label());
    }
    tracing::info!("{} shards are up", running.shards);
    let last = running.wait()?;
    let accepted: u64 = last.iter().flat_map(|vitals| vitals.accepted).sum();
    tracing::info!("stopped, after {accepted} points");
    Ok(())
}

fn obey(life: &Life) {
    loop {
        match os::wait_for_signal(&SIGNALS) {
            Ok(_) if life.stop() == 0 => {
                tracing::info!("stopping: reading what was sent; a second signal ends at once");
            }
            Ok(_) => {
                tracing::warn!("stopped by a second signal");
                std::process::exit(1);
            }
            Err(error) => {
                tracing::warn!("cannot wait for signals: {error}");
                return;
            }
        }
    }
}

/// Start all shards; `make_shard` is called on each one's own core. `highest` is the highest stamp of an
/// arrival that the folder knows.
///
/// # Errors
/// Something is missing; the text says what to do.
pub fn start(
    options: Options,
    folder: Arc<Folder>,
    highest: Stamp,
    make_shard: impl Fn(usize) -> Result<Shard, String> + Send + Sync + 'static,
) -> Result<Running, ServeError> {
    let mut cores = cores()?;
    let shards = options.shards.unwrap_or(cores.len()).max(1);
    if cores.len() < shards {
        let cores = cores.len();
        return Err(ServeError::Shards { shards, cores });
    }
    cores.truncate(shards);
    check::all(shards, options.io_memory_bytes, options.connections_max)?;
    let doors = sockets::open(&options, &cores)?;
    let (life, mailroom) = (Arc::new(Life::new(shards)?), Mailroom::new(shards)?);
    // From a thread that is pinned to no core.
    let errands = Errands::start()?;
    let pulses: Vec<Arc<Pulse>> = (0..shards).map(|_| Arc::default()).collect();
    pulse::watch(&pulses, pulse::WATCH)?;
    let (make_shard, offset) = (Arc::new(make_shard), Offset::now(highest));
    let (tell, ends) = channel();
    let places = cores.into_iter().zip(pulses);
    for ((number, doors), (core, pulse)) in doors.shards.into_iter().enumerate().zip(places) {
        let about = About {
            number,
            offset,
            folder: folder.path().to_owned(),
            errands: errands.clone(),
            pulse,
        };
        let worker = worker(about, doors, &options, &life, &mailroom);
        let make_shard = Arc::clone(&make_shard);
        let io_memory_bytes = options.io_memory_bytes;
        let tell: Sender<_> = tell.clone();
        thread::Builder::new()
            .name(format!("shard-{number}"))
            .spawn(move || {
                let end = catch_unwind(AssertUnwindSafe(|| {
                    live(core, io_memory_bytes, worker, || make_shard(number))
                }));
                let end = end.unwrap_or_else(|_| Err("it panicked, see above".to_owned()));
                // Nobody listens when the first end was an error already.
                let _ = tell.send((number, end));
            })?;
    }
    Ok(Running {
        bound: doors.bound,
        life,
        ends,
        shards,
        folder,
    })
}

/// What differs from shard to shard, or from start to start.
struct About {
    number: usize,
    offset: Offset,
    folder: PathBuf,
    errands: Errands,
    pulse: Arc<Pulse>,
}

fn worker(
    about: About,
    doors: Vec<Door>,
    options: &Options,
    life: &Arc<Life>,
    mailroom: &Mailroom,
) -> Worker {
    Worker {
        number: about.number,
        doors,
        mailroom: mailroom.clone(),
        life: Arc::clone(life),
        offset: about.offset,
        folder: about.folder,
        errands: about.errands,
        pulse: about.pulse,
        ingest: IngestOptions {
            gather: options.gather,
            connections_max: options.connections_max,
        },
        http: ServerOptions {
            connections_max: options.http_connections_max,
            header_timeout: options.http_header_timeout,
            write_timeout: options.http_write_timeout,
            body_timeout: options.http_body_timeout,
            body_bytes_max: options.http_body_bytes_max,
            answers: options.http.clone(),
        },
    }
}

/// One executor on this thread, until its shard ends.
fn live(
    core: usize,
    io_memory_bytes: usize,
    worker: Worker,
    make_shard: impl FnOnce() -> Result<Shard, String>,
) -> Result<Vitals, String> {
    let executor = LocalExecutorBuilder::new(Placement::Fixed(core))
        .io_memory(io_memory_bytes)
        .preempt_timer(turn::BACKSTOP)
        .make()
        .map_err(|error| format!("its executor did not start: {error}"))?;
    let pulse = Arc::clone(&worker.pulse);
    pulse.begin();
    executor.run(async move {
        let _watched = pulse.run().await;
        let shard = make_shard()?;
        worker.run(shard).await.map_err(|error| error.to_string())
    })
}
