//! Bytes that are no manifest, or no more.

use super::*;

/// A folder with a manifest of a few records, and its bytes.
fn some_bytes() -> Vec<u8> {
    let mut rig = Rig::new(9);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(seal(
        0,
        1,
        vec![info(0, 0, 3, (1, 9)), info(1, 0, 2, (10, 19))],
    ));
    rig.commit(Edit::Entomb(tombstone(5)));
    rig.commit(Edit::Retain { removed: vec![1] });
    let mut disk = rig.disk.borrow_mut();
    disk.content(MANIFEST_FILE).expect("it").clone()
}

fn open(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let mut disk = FakeDisk::new(1);
    disk.put(MANIFEST_FILE, bytes.to_vec());
    Manifest::open(&RefCell::new(disk))
}

/// Header, first record and four more, a block each.
const RECORDS_END: usize = 6 * BLOCK_BYTES;

#[test]
fn a_cut_costs_the_record_that_it_cuts() {
    let bytes = some_bytes();
    let whole = open(&bytes).expect("a good manifest").committed();
    for cut in (0..bytes.len().min(RECORDS_END + 9000)).step_by(61) {
        match open(&bytes[..cut]) {
            Ok(manifest) => {
                let is_whole = manifest.committed() == whole;
                assert_eq!(is_whole, cut >= RECORDS_END, "cut at {cut}");
            }
            Err(_) => assert!(cut < 2 * BLOCK_BYTES, "cut at {cut}"),
        }
    }
}

#[test]
fn a_flip_is_told_with_its_place_or_costs_the_last_record() {
    let bytes = some_bytes();
    let last = RECORDS_END - BLOCK_BYTES;
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let (mut bytes, at) = (bytes.clone(), random.below(RECORDS_END as u64) as usize);
        bytes[at] ^= 1 << random.below(8);
        match open(&bytes) {
            Ok(manifest) => {
                assert!(at >= last, "seed {seed}: {at}");
                assert_eq!(
                    manifest.committed().totals().files,
                    2,
                    "without the last record"
                );
            }
            Err(ManifestError::Damaged { at: told, .. }) => {
                let place = at - at % BLOCK_BYTES;
                assert!(
                    at < last && told == place as u64,
                    "seed {seed}: {at} {told}"
                );
            }
            Err(error) => assert!(at < BLOCK_BYTES, "seed {seed}: {error}"),
        }
    }
}

#[test]
fn records_that_contradict_what_is_listed_are_damage() {
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let (mut file, mut link) = chained::header(&KIND, 0);
        for _ in 0..2 {
            let mut record = chained::begin();
            for _ in 0..random.below(20) {
                let kind = random.below(12) as u8;
                record.push(kind);
                record.extend((0..random.below(16)).map(|_| random.below(4) as u8));
            }
            link = chained::seal(&mut record, link);
            file.extend(record);
        }
        if let Ok(manifest) = open(&file) {
            let version = manifest.committed();
            let again = encode::whole(Arc::clone(&version));
            let again = open(&again).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(again.committed(), version, "seed {seed}");
        }
    }
}

#[test]
fn chance_is_no_manifest() {
    let mut random = Random::new(5);
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..random.below(20_000))
            .map(|_| random.next_u64() as u8)
            .collect();
        if random.chance(50) && bytes.len() >= BLOCK_BYTES {
            let (header, _) = chained::header(&KIND, 0);
            bytes[..BLOCK_BYTES].copy_from_slice(&header);
        }
        assert!(open(&bytes).is_err());
    }
}

#[test]
fn the_texts_say_what_to_do() {
    let mut bytes = some_bytes();
    bytes[3 * BLOCK_BYTES + 30] ^= 1;
    let text = open(&bytes).expect_err("damaged").to_string();
    for part in ["byte 12288", "snapshot", "truncate -s 12288 manifest"] {
        assert!(text.contains(part), "{text}");
    }
    let cut = open(&bytes[..3 * BLOCK_BYTES]).expect("what the text says helps");
    assert_eq!(cut.committed().totals().files, 0);

    let other = Kind { version: 2, ..KIND };
    let text = open(&chained::header(&other, 0).0)
        .expect_err("another version")
        .to_string();
    assert!(
        text.contains("version 2") && text.contains("reads version 1"),
        "{text}"
    );

    let mut disk = FakeDisk::new(1);
    disk.put("segments/0000000001.seg", vec![1]);
    let text = Manifest::open(&RefCell::new(disk))
        .expect_err("missing")
        .to_string();
    assert!(
        text.contains("missing") && text.contains("1 files"),
        "{text}"
    );
}
