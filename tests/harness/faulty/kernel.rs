//! What the kernel asks of the faulty file system, handed to the tree.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::tree::{Kind, ROOT, Tree};

/// The kernel asks each time: a power cut changes names and lengths behind its back.
const NO_TIME: Duration = Duration::ZERO;
const FRAGMENT_BYTES: u64 = 4096;

/// An open folder is read as it was when it was opened.
type Listing = Vec<(u64, FileType, OsString)>;

/// See the head of this module.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) tree: Arc<Mutex<Tree>>,
    pub(super) backing: Box<Path>,
    listings: Mutex<(u64, BTreeMap<u64, Listing>)>,
}

impl Kernel {
    pub(super) fn new(tree: Arc<Mutex<Tree>>, backing: &Path) -> Kernel {
        Kernel {
            tree,
            backing: backing.into(),
            listings: Mutex::default(),
        }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listings(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Listing>)> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn about(tree: &Tree, inode: u64) -> Result<FileAttr, i32> {
    let node = tree.node(inode)?;
    let (kind, perm, size, nlink) = match &node.kind {
        Kind::Folder { .. } => (FileType::Directory, 0o755, FRAGMENT_BYTES, 2),
        Kind::File(content) => {
            let links = tree.links(inode);
            (FileType::RegularFile, 0o644, content.length(), links)
        }
    };
    let now: SystemTime = UNIX_EPOCH;
    Ok(FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(512),
        atime: now,
        mtime: now,
        ctime: now,
        crtime: now,
        kind,
        perm,
        nlink,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: FRAGMENT_BYTES as u32,
        flags: 0,
    })
}

fn entry(reply: ReplyEntry, answer: Result<FileAttr, i32>) {
    match answer {
        Ok(about) => reply.entry(&NO_TIME, &about, Generation(0)),
        Err(number) => reply.error(Errno::from_i32(number)),
    }
}

fn empty(reply: ReplyEmpty, answer: Result<(), i32>) {
    match answer {
        Ok(()) => reply.ok(),
        Err(number) => reply.error(Errno::from_i32(number)),
    }
}

impl Filesystem for Kernel {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let tree = self.tree();
        entry(
            reply,
            tree.find(parent.0, name)
                .and_then(|inode| about(&tree, inode)),
        );
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match about(&self.tree(), ino.0) {
            Ok(about) => reply.attr(&NO_TIME, &about),
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.tree();
        let done = size.map_or(Ok(()), |size| tree.set_length(ino.0, size));
        match done.and_then(|()| about(&tree, ino.0)) {
            Ok(about) => reply.attr(&NO_TIME, &about),
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let mut tree = self.tree();
        let made = tree.make(parent.0, name, true);
        entry(reply, made.and_then(|inode| about(&tree, inode)));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut tree = self.tree();
        let made = tree.make(parent.0, name, false).and_then(|inode| {
            tree.node_mut(inode)?.opens += 1;
            about(&tree, inode)
        });
        match made {
            Ok(about) => reply.created(
                &NO_TIME,
                &about,
                Generation(0),
                FileHandle(0),
                FopenFlags::empty(),
            ),
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree().unlink(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree().remove_folder(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let done = self.tree().rename((parent.0, name), (newparent.0, newname));
        empty(reply, done);
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let mut tree = self.tree();
        let linked = tree.link(ino.0, newparent.0, newname);
        entry(reply, linked.and_then(|()| about(&tree, ino.0)));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.tree().node_mut(ino.0) {
            Ok(node) => {
                node.opens += 1;
                // Without KEEP_CACHE, so that what was cached before a power cut is dropped.
                reply.opened(FileHandle(0), FopenFlags::empty());
            }
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        if let Ok(node) = self.tree().node_mut(ino.0) {
            node.opens = node.opens.saturating_sub(1);
        }
        reply.ok();
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.tree().read(ino.0, offset, size as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        // Of a file that is open with this the kernel asks for a sync itself, before it calls the write done.
        // So nothing is durable here without being asked for, and one that opens without it is found out.
        let is_commit = flags.0 & libc::O_DSYNC != 0;
        match self.tree().write(ino.0, offset, data, is_commit) {
            Ok(()) => reply.written(data.len() as u32),
            Err(number) => reply.error(Errno::from_i32(number)),
        }
    }

    /// Unknown, so that the kernel never asks again: a process that ends with files open would wait for the
    /// answer, and where it is this very process, nobody is left to give it.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.tree().sync(ino.0));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.tree().sync_folder(ino.0));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let tree = self.tree();
        let names = match tree.names(ino.0) {
            Ok(names) => names,
            Err(number) => return reply.error(Errno::from_i32(number)),
        };
        let dots = [".", ".."].map(|name| (ROOT, FileType::Directory, OsString::from(name)));
        let mut listing = Listing::from(dots);
        for (name, &inode) in names {
            let kind = match tree.node(inode).map(|node| &node.kind) {
                Ok(Kind::Folder { .. }) => FileType::Directory,
                _ => FileType::RegularFile,
            };
            listing.push((inode, kind, name.clone()));
        }
        let mut listings = self.listings();
        listings.0 += 1;
        let handle = listings.0;
        listings.1.insert(handle, listing);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listings = self.listings();
        let listing = listings.1.get(&fh.0).map(Vec::as_slice).unwrap_or_default();
        for (nth, (inode, kind, name)) in listing.iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(*inode), nth as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.listings().1.remove(&fh.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let tree = self.tree();
        let (total, free) = match (tree.room_bytes(), tree.free_bytes()) {
            (Some(total), Some(free)) => (total, free),
            _ => match rustix::fs::statvfs(&*self.backing) {
                Ok(about) => (
                    about.f_blocks * about.f_frsize,
                    about.f_bavail * about.f_frsize,
                ),
                Err(_) => return reply.error(Errno::EIO),
            },
        };
        let (total, free) = (total / FRAGMENT_BYTES, free / FRAGMENT_BYTES);
        let bytes = FRAGMENT_BYTES as u32;
        reply.statfs(total, free, free, 1 << 20, 1 << 20, bytes, 255, bytes);
    }
}
