//! Checks and descriptions of whole files.

use super::*;

/// Check a whole file: what is wrong with it, or why it cannot be opened.
fn check(file: &[u8]) -> Result<Vec<Corrupt>, Unreadable> {
    let mut check = Check::new(file.len() as u64);
    let mut read = |offset, bytes| Ok(cut(file, (offset, bytes)).to_vec());
    let mut before = 0;
    loop {
        match check.step(&mut read)? {
            Checked::Some(bytes) => {
                assert!(before < bytes && bytes <= file.len() as u64);
                before = bytes;
            }
            Checked::All(info) => {
                assert_eq!(info.bytes, file.len() as u64);
                return Ok(check.faults().to_vec());
            }
        }
    }
}

#[test]
fn a_check_finds_every_wrong_page_and_goes_on() {
    let mut random = Random::new(6);
    let series = some_series(300, 100, 0, &mut random);
    let (mut file, _) = write(about(1), &series, &mut random);
    assert_eq!(check(&file).expect("a file"), []);
    let (_, index) = open(&file).expect("a file");
    let bad = [index.raw()[1], index.raw()[3], index.cells()[0]];
    for entry in bad {
        file[entry.offset as usize + 9] ^= 1;
    }
    file[50] ^= 1;
    let faults: Vec<u64> = check(&file)
        .expect("a file")
        .iter()
        .map(|f| f.offset)
        .collect();
    assert_eq!(faults, [0, bad[0].offset, bad[1].offset, bad[2].offset]);
    let last = file.len() - 100;
    file[last] ^= 1;
    let wrong = check(&file).expect_err("no footer").to_string();
    assert!(
        wrong.ends_with("the checksum of the block is wrong"),
        "{wrong}"
    );
    for len in [0, 100, BLOCK_BYTES, last] {
        assert!(check(&file[..len]).is_err());
    }
}

#[test]
fn what_the_index_tells_is_checked_against_the_points() {
    let mut random = Random::new(6);
    let stretch = some_points(4, 50, 0, &mut random);
    let (mut run, base) = (Vec::new(), Millis(START_MS));
    let extent = Extent::from(&pack::encode(&stretch, base, &mut run));
    let wrong = [
        Extent {
            points: 49,
            ..extent
        },
        Extent {
            min: extent.min + 1.0,
            ..extent
        },
        Extent {
            last_ms: extent.last_ms - 1,
            ..extent
        },
    ];
    for (extent, faults) in wrong
        .into_iter()
        .map(|extent| (extent, 1))
        .chain([(extent, 0)])
    {
        let mut writer = Writer::new(about(1));
        writer.add(4, &run, &extent, &[]).expect("in order");
        let file = writer.finish().0;
        assert_eq!(check(&file).expect("a file").len(), faults, "{extent:?}");
    }
}

#[test]
fn a_file_is_described() {
    let mut random = Random::new(6);
    let mut series = Series::new();
    series.insert(4, some_points(4, 50, 0, &mut random));
    series.insert(6, some_points(6, 20, 0, &mut random));
    let (mut file, info) = write(about(1), &series, &mut random);
    let print = |file: &[u8], detail| {
        let mut lines = Vec::new();
        let mut read = |offset, bytes| Ok(cut(file, (offset, bytes)).to_vec());
        let line = &mut |line| lines.push(line);
        describe(file.len() as u64, detail, &mut read, line).expect("a file");
        lines
    };
    let lines = print(&file, Detail::File);
    assert_eq!(
        lines[0],
        "segment 1 of book 3, level 0: 70 points of 2 series"
    );
    assert_eq!(lines.len(), 4);
    assert_eq!(print(&file, Detail::Pages).len(), 6);
    let lines = print(&file, Detail::Runs);
    assert_eq!(lines.len(), 10, "{lines:?}");
    let points = format!("50 points from {} to ", series[&4].times[0]);
    assert!(
        lines[5].starts_with("  series 4: ") && lines[5].contains(&points),
        "{lines:?}"
    );
    // Wrong bytes are printed as such.
    file[BLOCK_BYTES + 20] ^= 1;
    file[100] ^= 1;
    let lines = print(&file, Detail::Runs);
    assert_eq!(
        lines[0],
        "WRONG: at byte 0: the checksum of the block is wrong"
    );
    assert_eq!(
        lines[6],
        "  WRONG: at byte 4096: the checksum of the page is wrong"
    );
    assert_eq!(info.points, 70);
}
