//! The first and the last block of a file: what it is, and where its index stands.

use super::fields::{self, Fields};
use super::{Corrupt, INDEX_BYTES_MAX};
use crate::seam::disk::BLOCK_BYTES;
use crate::store::info::SegmentInfo;

/// What a file starts with.
pub const HEADER_MAGIC: [u8; 8] = *b"CLSEGHED";
/// What the last block of a file starts with.
pub const FOOTER_MAGIC: [u8; 8] = *b"CLSEGEND";
/// The only version so far.
const VERSION: u16 = 1;
/// A feature that a reader must know: starts of runs may stand in front of a page.
const FEATURE_STARTS: u64 = 1;
/// Features that a reader must know to read the file, as far as this one does.
const FEATURES_KNOWN: u64 = FEATURE_STARTS;

/// What a file is, as its writer knows it before the first point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its number.
    pub file: u64,
    /// The book that its series are named in.
    pub book: u32,
    /// How often its points were merged.
    pub level: u8,
    /// Where its window starts, milliseconds since the epoch.
    pub window_start_ms: i64,
    /// Length of the window in milliseconds, at least 1.
    pub window_ms: i64,
    /// Stamp of the first arrival that it covers.
    pub first_stamp: u64,
    /// Stamp of the last arrival that it covers.
    pub last_stamp: u64,
    /// Length of its cells in milliseconds; 0 where it has none.
    pub cell_step_ms: i64,
    /// The first log block whose points are here.
    pub first_log_block: u64,
    /// The last of them.
    pub last_log_block: u64,
}

/// The first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file is.
    pub about: About,
    /// Features that a reader need not know.
    pub compatible: u64,
}

/// The last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// What the file is, as in its header.
    pub about: About,
    /// Features that a reader need not know.
    pub compatible: u64,
    /// What the manifest keeps of it.
    pub info: SegmentInfo,
    /// Pages of points.
    pub raw_pages: u32,
    /// Pages of cells.
    pub cell_pages: u32,
    /// Where the index stands; the pages end there.
    pub index_offset: u64,
    /// Bytes of the index.
    pub index_bytes: u32,
    /// Checksum of the index.
    pub index_crc: u32,
}

impl Header {
    /// The block of a new file.
    pub(super) fn block(about: &About) -> Vec<u8> {
        fields::block(&common(HEADER_MAGIC, about))
    }

    /// Read the first block of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn take(block: &[u8]) -> Result<Header, Corrupt> {
        let (about, compatible, _) = take_common(HEADER_MAGIC, block)?;
        Ok(Header { about, compatible })
    }
}

impl Footer {
    /// The block.
    pub(super) fn block(&self) -> Vec<u8> {
        let mut out = common(FOOTER_MAGIC, &self.about);
        out.extend(self.info.points.to_le_bytes());
        out.extend(self.info.series.to_le_bytes());
        out.extend(self.raw_pages.to_le_bytes());
        out.extend(self.cell_pages.to_le_bytes());
        out.extend(self.index_bytes.to_le_bytes());
        out.extend(self.index_crc.to_le_bytes());
        out.extend(self.index_offset.to_le_bytes());
        out.extend(self.info.bytes.to_le_bytes());
        out.extend(self.info.raw_bytes.to_le_bytes());
        out.extend(self.info.cell_bytes.to_le_bytes());
        out.extend(self.info.first_ms.to_le_bytes());
        out.extend(self.info.last_ms.to_le_bytes());
        out.extend(self.info.mortal_points.to_le_bytes());
        out.extend(self.info.mortal_until.to_le_bytes());
        fields::block(&out)
    }

    /// Read the last block of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn take(block: &[u8]) -> Result<Footer, Corrupt> {
        let (about, compatible, mut rest) = take_common(FOOTER_MAGIC, block)?;
        let points = rest.u64()?;
        let series = rest.u32()?;
        let raw_pages = rest.u32()?;
        let cell_pages = rest.u32()?;
        let index_bytes = rest.u32()?;
        let index_crc = rest.u32()?;
        let index_offset = rest.u64()?;
        let info = SegmentInfo {
            points,
            series,
            bytes: rest.u64()?,
            raw_bytes: rest.u64()?,
            cell_bytes: rest.u64()?,
            first_ms: rest.i64()?,
            last_ms: rest.i64()?,
            mortal_points: rest.u64()?,
            mortal_until: rest.u64()?,
            ..about.info()
        };
        let footer = Footer {
            about,
            compatible,
            info,
            raw_pages,
            cell_pages,
            index_offset,
            index_bytes,
            index_crc,
        };
        footer.check().map(|()| footer)
    }

    fn check(&self) -> Result<(), Corrupt> {
        let block = BLOCK_BYTES as u64;
        let index_end = self.index_offset.checked_add(u64::from(self.index_bytes));
        let fits = index_end.is_some_and(|end| end <= self.info.bytes.saturating_sub(block));
        if self.index_offset < block || !fits || !self.info.bytes.is_multiple_of(block) {
            return Err(Corrupt::new(
                0,
                "the footer puts the index outside the file",
            ));
        }
        if self.index_bytes > INDEX_BYTES_MAX {
            return Err(Corrupt::new(0, "the footer tells of too large an index"));
        }
        Ok(())
    }
}

impl About {
    /// What the manifest keeps of a file of this without points.
    pub(super) fn info(&self) -> SegmentInfo {
        SegmentInfo {
            file: self.file,
            book: self.book,
            window_start_ms: self.window_start_ms,
            window_ms: self.window_ms,
            first_stamp: self.first_stamp,
            last_stamp: self.last_stamp,
            level: self.level,
            ..SegmentInfo::default()
        }
    }
}

/// What header and footer begin with.
fn common(magic: [u8; 8], about: &About) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend(VERSION.to_le_bytes());
    out.extend([about.level, 0]);
    out.extend(about.book.to_le_bytes());
    out.extend(FEATURE_STARTS.to_le_bytes());
    // Compatible features: none so far.
    out.extend(0u64.to_le_bytes());
    out.extend(about.file.to_le_bytes());
    out.extend(about.window_start_ms.to_le_bytes());
    out.extend(about.window_ms.to_le_bytes());
    out.extend(about.first_stamp.to_le_bytes());
    out.extend(about.last_stamp.to_le_bytes());
    out.extend(about.cell_step_ms.to_le_bytes());
    out.extend(about.first_log_block.to_le_bytes());
    out.extend(about.last_log_block.to_le_bytes());
    out
}

fn take_common(magic: [u8; 8], block: &[u8]) -> Result<(About, u64, Fields<'_>), Corrupt> {
    if block.len() != BLOCK_BYTES {
        return Err(Corrupt::new(0, "the block is cut short"));
    }
    let mut rest = Fields(block);
    if rest.bytes()? != magic {
        return Err(Corrupt::new(
            0,
            "no segment file: the block has another magic",
        ));
    }
    // Before the checksum: a later version may keep it elsewhere.
    let version = rest.u16()?;
    if version != VERSION {
        return Err(Corrupt::foreign(
            8,
            format!(
                "segment format {version}; this build reads {VERSION}: use a build that knows it"
            ),
        ));
    }
    if !fields::is_whole(block) {
        return Err(Corrupt::new(0, "the checksum of the block is wrong"));
    }
    let [level, _] = rest.bytes()?;
    let book = rest.u32()?;
    let unknown = rest.u64()? & !FEATURES_KNOWN;
    if unknown != 0 {
        return Err(Corrupt::foreign(
            16,
            format!("needs features {unknown:#x}, which this build lacks: use a newer build"),
        ));
    }
    let compatible = rest.u64()?;
    let about = About {
        level,
        book,
        file: rest.u64()?,
        window_start_ms: rest.i64()?,
        window_ms: rest.i64()?,
        first_stamp: rest.u64()?,
        last_stamp: rest.u64()?,
        cell_step_ms: rest.i64()?,
        first_log_block: rest.u64()?,
        last_log_block: rest.u64()?,
    };
    if about.window_ms < 1 || about.cell_step_ms < 0 {
        return Err(Corrupt::new(40, "a length of time is negative or zero"));
    }
    Ok((about, compatible, rest))
}
