//! Lines in records, and records in calls, within the limits of PutRecordBatch. Pure.

use bytes::Bytes;

/// Records of one call.
const CALL_RECORDS: usize = 500;

/// Bytes of one call: 4 MiB.
const CALL_BYTES: usize = 4 << 20;

/// Bytes of one record: 1,000 KiB.
const RECORD_BYTES: usize = 1_000 << 10;

/// Lines share a record up to this many bytes: few enough that a record that is sent again is cheap, many enough that a call holds
/// more than 500 lines.
const SHARED_BYTES: usize = 64 << 10;

/// A record, and how many lines it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The lines, each with its line break.
    pub data: Bytes,
    /// How many they are.
    pub lines: u64,
}

/// Collects lines for one call after another.
#[derive(Debug, Default)]
pub struct Packer {
    record: Vec<u8>,
    lines: u64,
    call: Vec<Packed>,
    bytes: usize,
}

impl Packer {
    /// Nothing yet.
    pub fn new() -> Self {
        Packer::default()
    }

    /// Adds a line, without its line break; gives the records of a call where that is full. `Err` if no record can hold the line.
    pub fn push(&mut self, line: &[u8]) -> Result<Option<Vec<Packed>>, TooLong> {
        if line.len() + 1 > RECORD_BYTES {
            return Err(TooLong);
        }
        let mut full = None;
        if !self.record.is_empty() && self.record.len() + line.len() + 1 > SHARED_BYTES {
            full = self.close_record();
        }
        self.record.extend_from_slice(line);
        self.record.push(b'\n');
        self.lines += 1;
        Ok(full)
    }

    /// The records that are left: of one call, or of two.
    pub fn finish(mut self) -> Vec<Vec<Packed>> {
        let full = if self.record.is_empty() { None } else { self.close_record() };
        full.into_iter().chain([self.call]).filter(|call| !call.is_empty()).collect()
    }

    /// Closes the record; gives the call that it does not fit into any more.
    fn close_record(&mut self) -> Option<Vec<Packed>> {
        let record = Packed { data: std::mem::take(&mut self.record).into(), lines: std::mem::take(&mut self.lines) };
        let mut full = None;
        if self.call.len() == CALL_RECORDS || self.bytes + record.data.len() > CALL_BYTES {
            full = Some(std::mem::take(&mut self.call));
            self.bytes = 0;
        }
        self.bytes += record.data.len();
        self.call.push(record);
        full
    }
}

/// A line that no record can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(lines: &[Vec<u8>]) -> Vec<Vec<Packed>> {
        let mut packer = Packer::new();
        let mut calls: Vec<Vec<Packed>> =
            lines.iter().filter_map(|line| packer.push(line).expect("short enough")).collect();
        calls.extend(packer.finish());
        calls
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_line_is_sent_once_in_order_and_no_limit_is_passed(
            lengths in prop::collection::vec(prop_oneof![1..200_usize, 1..90_000_usize, 900_000..1_023_999_usize], 0..120)
        ) {
            let lines: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(at, length)| vec![b'a' + (at % 26) as u8; *length]).collect();
            let calls = pack(&lines);
            for call in &calls {
                prop_assert!(!call.is_empty() && call.len() <= 500);
                prop_assert!(call.iter().map(|record| record.data.len()).sum::<usize>() <= 4 << 20);
                prop_assert!(call.iter().all(|record| record.data.len() <= 1_000 << 10));
            }
            let sent: Vec<u8> = calls.iter().flatten().flat_map(|record| record.data.to_vec()).collect();
            let whole: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
            prop_assert!(sent == whole);
            prop_assert_eq!(calls.iter().flatten().map(|record| record.lines).sum::<u64>(), lines.len() as u64);
        }
    }

    #[test]
    fn a_call_ends_at_five_hundred_records() {
        let lines = vec![vec![b'x'; 8_000]; 8 * 501];
        let calls = pack(&lines);
        assert!(calls.len() > 1 && calls.iter().all(|call| call.len() <= 500));
    }

    #[test]
    fn a_line_that_no_record_can_hold_is_told() {
        let mut packer = Packer::new();
        assert_eq!(packer.push(&vec![b'x'; (1_000 << 10) - 1]), Ok(None));
        assert_eq!(packer.push(&vec![b'x'; 1_000 << 10]), Err(TooLong));
        assert_eq!(packer.finish().len(), 1);
    }
}
