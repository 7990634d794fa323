//! Files of records around payloads that a fuzzer made: the checksums are right, so that what is tried is
//! behind them. Written from `src/store/FORMAT.md`.

const BLOCK_BYTES: usize = 4096;

/// A file with this magic and this number in its header, and a record for each payload.
pub fn file(magic: &[u8; 8], about: u64, payloads: &[&[u8]]) -> Vec<u8> {
    let mut file = vec![0; BLOCK_BYTES - 4];
    file[..8].copy_from_slice(magic);
    file[8] = 1;
    file[24..32].copy_from_slice(&about.to_le_bytes());
    let mut chain = crc32c::crc32c(&file);
    file.extend(chain.to_le_bytes());
    for (sequence, payload) in payloads.iter().enumerate() {
        let mut record = Vec::from(*b"rec1");
        record.extend((payload.len() as u32).to_le_bytes());
        record.extend((sequence as u64).to_le_bytes());
        record.extend(chain.to_le_bytes());
        record.extend([0; 4]);
        record.extend_from_slice(payload);
        record.resize(record.len().next_multiple_of(BLOCK_BYTES), 0);
        chain = crc32c::crc32c_append(crc32c::crc32c(&record[..20]), &record[24..]);
        record[20..24].copy_from_slice(&chain.to_le_bytes());
        file.extend(record);
    }
    file
}

/// Two payloads: the first byte tells how many sixteenths of the rest are the first.
pub fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let Some((&sixteenths, rest)) = bytes.split_first() else {
        return vec![bytes];
    };
    let at = rest.len() * usize::from(sixteenths % 17) / 16;
    let (first, second) = rest.split_at(at);
    [first, second]
        .into_iter()
        .filter(|payload| !payload.is_empty())
        .collect()
}

/// Reads pieces of a file in memory.
pub fn reader(file: &[u8]) -> impl Fn(u64, usize) -> std::io::Result<Vec<u8>> {
    move |offset, bytes| {
        let from = file
            .len()
            .min(usize::try_from(offset).unwrap_or(usize::MAX));
        Ok(file[from..file.len().min(from.saturating_add(bytes))].to_vec())
    }
}
