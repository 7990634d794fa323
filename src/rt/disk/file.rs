//! One open file: reads, writes, zeros, sync.

use std::cell::{Cell, OnceCell};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Once;

use glommio::io::{BufferedFile, DmaFile, OpenOptions, ReadResult};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use super::fault::plain;
use super::pieces::{PIECE_BYTES, read_all, write_all};

/// The longest write of zeros at once. All of them come from one buffer.
const ZEROS_BYTES: usize = 1 << 20;

/// Past the page cache where the file system can.
#[derive(Debug)]
enum Way {
    Direct(DmaFile),
    Buffered(BufferedFile),
}

/// A file that is closed when the last who uses it is done.
#[derive(Debug)]
pub(super) struct OpenFile {
    way: Way,
    writable: bool,
    unsynced: Cell<bool>,
    /// The same file, opened once more when something is first committed to it: what is written by this way
    /// is on stable storage when the write is done. `None` where it cannot be had.
    durable: OnceCell<Option<DmaFile>>,
}

impl OpenFile {
    /// Open what is at `path`.
    pub(super) async fn open(path: &Path, writable: bool) -> io::Result<OpenFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(writable);
        let way = match options.dma_open(path).await.map_err(plain) {
            Ok(file) => {
                if !fcntl_getfl(&file)?.contains(OFlags::DIRECT) {
                    say_buffered();
                }
                Way::Direct(file)
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {
                let file = options.buffered_open(path).await.map_err(plain)?;
                say_buffered();
                Way::Buffered(file)
            }
            Err(error) => return Err(error),
        };
        Ok(OpenFile {
            way,
            writable,
            unsynced: Cell::new(false),
            durable: OnceCell::new(),
        })
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether something was written since the last sync began. Such a file stays open: of what the
    /// device could not keep, the kernel tells those that had the file open.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced.get()
    }

    pub(super) async fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.unsynced.set(true);
        write_all(bytes.len() as u64, PIECE_BYTES, async |at, length| {
            let from = at as usize;
            let piece = bytes.get(from..from + length).unwrap_or_default();
            self.write_piece(offset + at, piece).await
        })
        .await
    }

    /// Write, and come back when it is on stable storage: in one go where one piece is enough and the file
    /// system has direct I/O, else by a write and a sync.
    pub(super) async fn commit(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // Of several pieces each would wait for the device by itself.
        if PIECE_BYTES < bytes.len() {
            return self.write_and_sync(offset, bytes).await;
        }
        let Some(file) = self.durable().await else {
            return self.write_and_sync(offset, bytes).await;
        };
        write_all(bytes.len() as u64, PIECE_BYTES, async |at, length| {
            let from = at as usize;
            let piece = bytes.get(from..from + length).unwrap_or_default();
            write_direct(file, offset + at, piece).await
        })
        .await
    }

    async fn write_and_sync(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(offset, bytes).await?;
        // A disk that is full takes a write again; what a sync has lost, for whatever reason, is lost.
        self.sync().await.map_err(io::Error::other)
    }

    /// The way to write what is durable when it is written.
    async fn durable(&self) -> Option<&DmaFile> {
        if self.durable.get().is_none() {
            // What could not be opened now is tried again with the next commit.
            let opened = self.open_durable().await?;
            // Whoever opened it meanwhile has opened the same.
            let _ = self.durable.set(opened);
        }
        self.durable.get()?.as_ref()
    }

    /// The same file once more; inner `None` where no write to it is known to be durable.
    async fn open_durable(&self) -> Option<Option<DmaFile>> {
        let Way::Direct(file) = &self.way else {
            return Some(None);
        };
        // By its number: its name may be another one by now.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.custom_flags(OFlags::DSYNC.bits().cast_signed());
        let opened = options.dma_open(path).await.ok()?;
        let flags = fcntl_getfl(&opened).ok()?;
        if flags.contains(OFlags::DSYNC | OFlags::DIRECT) {
            return Some(Some(opened));
        }
        // Without a word from the kernel that it does so nothing counts as durable.
        let _ = opened.close().await;
        Some(None)
    }

    /// `piece` is not empty: glommio has no buffer without a byte.
    async fn write_piece(&self, offset: u64, piece: &[u8]) -> io::Result<usize> {
        match &self.way {
            Way::Direct(file) => write_direct(file, offset, piece).await,
            Way::Buffered(file) => file.write_at(piece.to_vec(), offset).await.map_err(plain),
        }
    }

    /// Write `bytes` zero bytes from the start on, really: later writes find their blocks in place.
    pub(super) async fn write_zeros(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.unsynced.set(true);
        let length = bytes.min(ZEROS_BYTES as u64) as usize;
        match &self.way {
            Way::Direct(file) => {
                let mut buffer = file.alloc_dma_buffer(length);
                buffer.as_bytes_mut().fill(0);
                let zeros = Rc::new(buffer);
                write_all(bytes, length, async |at, part| {
                    if part == length {
                        let written = file.write_rc_at(Rc::clone(&zeros), at).await;
                        return written.map_err(plain);
                    }
                    self.write_piece(at, zeros.as_bytes().get(..part).unwrap_or_default())
                        .await
                })
                .await
            }
            Way::Buffered(_) => {
                let zeros = vec![0; length];
                write_all(bytes, length, async |at, part| {
                    self.write_piece(at, zeros.get(..part).unwrap_or_default())
                        .await
                })
                .await
            }
        }
    }

    /// Put room for `bytes` aside, from the start on. Where the file system cannot, zeros are written.
    pub(super) async fn reserve(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.unsynced.set(true);
        let reserved = match &self.way {
            Way::Direct(file) => file.pre_allocate(bytes, false).await.map_err(plain),
            Way::Buffered(file) => file.pre_allocate(bytes, false).await.map_err(plain),
        };
        match reserved.as_ref().err().and_then(Errno::from_io_error) {
            Some(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(bytes).await,
            _ => reserved,
        }
    }

    /// `fdatasync`: what is written and its place in the file.
    pub(super) async fn sync(&self) -> io::Result<()> {
        // Also when it fails: then the writes are lost, and asking again would only hide it.
        self.unsynced.set(false);
        match &self.way {
            Way::Direct(file) => file.fdatasync().await.map_err(plain),
            Way::Buffered(file) => file.fdatasync().await.map_err(plain),
        }
    }

    pub(super) async fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        read_all(bytes, async |at, length| {
            Ok(Piece(
                match &self.way {
                    Way::Direct(file) => file.read_at_aligned(offset + at, length).await,
                    Way::Buffered(file) => file.read_at(offset + at, length).await,
                }
                .map_err(plain)?,
            ))
        })
        .await
    }
}

async fn write_direct(file: &DmaFile, offset: u64, piece: &[u8]) -> io::Result<usize> {
    let mut buffer = file.alloc_dma_buffer(piece.len());
    buffer.as_bytes_mut().copy_from_slice(piece);
    file.write_at(buffer, offset).await.map_err(plain)
}

/// glommio's result of a read, as bytes.
struct Piece(ReadResult);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Once for the whole process: it is the same folder for all shards.
fn say_buffered() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "the file system of the data folder has no direct I/O, so corelane reads and writes through \
             the page cache: slower, and memory is used twice; ext4 and XFS have it"
        );
    });
}
