//! The records of several requests on their way into the database. A batch is written in rounds of
//! one transaction each, because a transaction must not have two records of one address.

use std::collections::HashSet;

use chive_shared::record::Record;

use super::outcome::{PutError, PutResult};
use crate::board::{Board, Freshness};

/// The records of all requests, and the outcome of each as far as it is known.
pub(super) struct Batch {
    records: Vec<Record>,
    results: Vec<Option<PutResult>>,
    /// The number of records of each request.
    sizes: Vec<usize>,
}

/// The records of one transaction, and their positions in the batch.
#[derive(Default)]
pub(super) struct Round {
    pub(super) records: Vec<Record>,
    positions: Vec<usize>,
}

impl Batch {
    pub(super) fn new<'a>(requests: impl Iterator<Item = &'a [Record]>) -> Self {
        let (mut records, mut sizes) = (Vec::new(), Vec::new());
        for request in requests {
            records.extend_from_slice(request);
            sizes.push(request.len());
        }
        Self { results: vec![None; records.len()], records, sizes }
    }

    pub(super) fn has_more(&self) -> bool {
        self.results.iter().any(Option::is_none)
    }

    /// The next records that can go into one transaction. Those that the board already answers, or
    /// has no room for, get their results at once.
    pub(super) fn next_round(&mut self, board: &Board, max_addresses: usize) -> Round {
        let mut round = Round::default();
        let mut addresses = HashSet::new();
        let mut room = max_addresses.saturating_sub(board.addresses());
        for (position, record) in self.records.iter().enumerate() {
            if self.results[position].is_some() || !addresses.insert(record.address()) {
                continue;
            }

            let is_new_address = !board.has_address(&record.address());
            match board.freshness_of(record) {
                Freshness::Duplicate => self.results[position] = Some(Ok(())),
                Freshness::New if room == 0 && is_new_address => {
                    self.results[position] = Some(Err(PutError::BoardFull));
                }
                Freshness::New => {
                    room = room.saturating_sub(usize::from(is_new_address));
                    round.records.push(*record);
                    round.positions.push(position);
                }
                freshness => self.results[position] = Some(Err(PutError::NotFresh(freshness))),
            }
        }

        round
    }

    pub(super) fn finish_round(&mut self, round: &Round, results: Vec<PutResult>) {
        for (position, result) in round.positions.iter().zip(results) {
            self.results[*position] = Some(result);
        }
    }

    /// The results of each request, in the order of its records.
    pub(super) fn into_results(self) -> Vec<Vec<PutResult>> {
        let mut all =
            self.results.into_iter().map(|result| result.unwrap_or(Err(PutError::Unavailable)));
        self.sizes.into_iter().map(|size| all.by_ref().take(size).collect()).collect()
    }
}
