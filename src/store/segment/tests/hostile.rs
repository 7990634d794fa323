//! Wrong bytes: an error or the right points, never others.

use super::*;

/// A flipped bit is found, or it changed nothing that is read.
#[test]
fn no_flipped_bit_gives_other_points() {
    let mut random = Random::new(7);
    let series = some_series(30, 40, 0, &mut random);
    check_flips(&series, &mut random);
    let series = alike(60, 8, &mut random);
    check_flips(&series, &mut random);
}

fn check_flips(series: &Series, random: &mut Random) {
    let (mut file, _) = write(about(1), series, random);
    let want = told(series);
    let (footer, _) = open(&file).expect("a file");
    let padding = footer.index_offset + u64::from(footer.index_bytes);
    let footer_at = file.len() as u64 - BLOCK_BYTES as u64;
    for at in 0..file.len() {
        let bit = 1 << random.below(8);
        file[at] ^= bit;
        let is_padding = (padding..footer_at).contains(&(at as u64));
        if at < BLOCK_BYTES {
            assert!(Header::take(&file[..BLOCK_BYTES]).is_err(), "byte {at}");
        } else {
            match read_whole(&file) {
                Ok(whole) => assert!(is_padding && whole == want, "byte {at}"),
                Err(wrong) => assert!(!is_padding, "byte {at}: {wrong}"),
            }
        }
        file[at] ^= bit;
    }
}

#[test]
fn no_cut_or_random_file_is_read() {
    let mut random = Random::new(8);
    let series = some_series(40, 60, 0, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    for _ in 0..2000 {
        let cut = random.below(file.len() as u64) as usize;
        assert!(read_whole(&file[..cut]).is_err(), "cut at {cut}");
    }
    let (footer, index) = open(&file).expect("a file");
    for _ in 0..2000 {
        let mut noise: Vec<u8> = (0..random.below(9000))
            .map(|_| random.next_u64() as u8)
            .collect();
        assert!(Footer::take(&noise).is_err() && Header::take(&noise).is_err());
        assert!(Index::take(&noise, &footer).is_err());
        for entry in &index.raw()[..1] {
            assert!(Page::take(&noise[..], entry).is_err());
            // With a checksum that fits, the directory itself must hold.
            if noise.len() > 4 {
                let crc = crc32c::crc32c(&noise[4..]);
                noise[..4].copy_from_slice(&crc.to_le_bytes());
                noise[4] = 0;
                let crc = crc32c::crc32c(&noise[4..]);
                noise[..4].copy_from_slice(&crc.to_le_bytes());
                let entry = Entry {
                    bytes: noise.len() as u32,
                    first: u32::from(noise.get(5).copied().unwrap_or(0) & 0x7F),
                    crc,
                    ..*entry
                };
                if let Ok(page) = Page::take(&noise[..], &entry) {
                    assert!(page.runs().count() == page.len());
                }
            }
        }
    }
    hostile_directories(&file, 40, &mut random);
    let (file, _) = write(about(1), &alike(300, 8, &mut random), &mut random);
    hostile_directories(&file, 600, &mut random);
}

/// Directories of right checksum and wrong content, in the first bytes of a page.
fn hostile_directories(file: &[u8], bytes: u64, random: &mut Random) {
    let (_, index) = open(file).expect("a file");
    let entry = index.raw()[0];
    let good = entry.cut(cut(file, entry.read())).expect("a page").to_vec();
    for _ in 0..20_000 {
        let mut page = good.clone();
        let at = 4 + random.below(bytes) as usize;
        page[at] = random.next_u64() as u8;
        let crc = crc32c::crc32c(&page[4..]);
        page[..4].copy_from_slice(&crc.to_le_bytes());
        if let Ok(page) = Page::take(&page[..], &Entry { crc, ..entry }) {
            let bytes: usize = page.runs().map(|(_, run)| run.len()).sum();
            let starts = 15 * page.len();
            assert!(page.runs().count() == page.len() && bytes < good.len() + starts);
        }
    }
}

#[test]
fn hostile_indexes_with_a_right_checksum() {
    let mut random = Random::new(9);
    let series = some_series(300, 60, 0, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    let (footer, want) = open(&file).expect("a file");
    let (offset, bytes) = Index::read(&footer);
    let read = cut(&file, (offset, bytes));
    let start = (footer.index_offset - offset) as usize;
    for _ in 0..20_000 {
        let mut read = read.to_vec();
        let at = start + random.below(u64::from(footer.index_bytes)) as usize;
        read[at] = random.next_u64() as u8;
        let crc = crc32c::crc32c(&read[start..start + footer.index_bytes as usize]);
        let footer = Footer {
            index_crc: crc,
            ..footer
        };
        if let Ok(index) = Index::take(&read, &footer) {
            assert_eq!(index.raw().len(), want.raw().len());
            let whole = index.raw().iter().chain(index.cells());
            assert!(
                whole
                    .clone()
                    .all(|entry| entry.end() <= footer.index_offset)
            );
        }
    }
}

#[test]
fn hostile_footers_with_a_right_checksum() {
    let mut random = Random::new(10);
    let series = some_series(300, 60, 0, &mut random);
    let (mut file, _) = write(about(1), &series, &mut random);
    let want = told(&series);
    let at = file.len() - BLOCK_BYTES;
    let good = file[at..].to_vec();
    let mut read_anyway = 0;
    for round in 0..1000 {
        file[at..].copy_from_slice(&good);
        for _ in 0..=random.below(3) {
            file[at + 10 + random.below(162) as usize] = random.next_u64() as u8;
        }
        let crc = crc32c::crc32c(&file[at..file.len() - 4]);
        let len = file.len();
        file[len - 4..].copy_from_slice(&crc.to_le_bytes());
        // What it says of itself may be wrong, but not what its pages hold; and all times of a run are
        // told from the start of the window.
        if Footer::take(&file[at..]).is_ok_and(|footer| footer.about.window_start_ms == START_MS)
            && let Ok(whole) = read_whole(&file)
        {
            read_anyway += 1;
            assert!(whole.points == want.points, "round {round}");
        }
    }
    assert!(read_anyway > 0);
}
