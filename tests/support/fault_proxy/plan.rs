//! Which call has which fault.

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection is closed before anything is done.
    Refuse,
    /// The call is done so many milliseconds later.
    Delay(u64),
    /// The server gets half of the request's body.
    CutRequest,
    /// The work is done; the client gets half of the answer's body.
    CutResponse,
    /// As before, but the connection stays open, and nothing more comes.
    Stall,
    /// The work is done; the connection is closed without an answer.
    LostReply,
    /// Nothing is done: an error of this status, of the service's kind. 503 is S3's SlowDown, 400 the others' throttling.
    Status(u16),
    /// The messages are delivered, and will be once more.
    Duplicate,
    /// The messages of one answer are in the opposite order.
    Reorder,
}

/// Which call has which fault.
#[derive(Debug, Clone)]
pub enum Plan {
    /// A share of the calls of every kind, chosen by the seed.
    Seeded {
        /// Chooses calls and faults.
        seed: u64,
        /// Of 1.
        share: f64,
    },
    /// The calls of these kinds and numbers, from 0.
    Scripted(Vec<(&'static str, std::ops::Range<u64>, Fault)>),
}

impl Plan {
    /// The fault of the `number`-th call of a kind.
    pub fn fault(&self, kind: &str, number: u64) -> Option<Fault> {
        match self {
            Plan::Scripted(script) => {
                let entry = script.iter().find(|(of, calls, _)| *of == kind && calls.contains(&number));
                entry.map(|(_, _, fault)| *fault)
            }
            Plan::Seeded { seed, share } => {
                let mut random = fastrand::Rng::with_seed(hash(*seed, kind, number));
                (random.f64() < *share).then(|| any(kind, &mut random))
            }
        }
    }
}

/// FNV-1a, whose results are the same on every machine and in every version.
fn hash(seed: u64, kind: &str, number: u64) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(kind.bytes()).chain(number.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A fault that can happen to a call of this kind.
fn any(kind: &str, random: &mut fastrand::Rng) -> Fault {
    if kind == "connect" {
        return Fault::Refuse;
    }
    let throttled = if kind.starts_with("S3 ") { 503 } else { 400 };
    let mut faults = vec![
        Fault::Refuse,
        Fault::Delay(random.u64(20..1_500)),
        Fault::CutRequest,
        Fault::CutResponse,
        Fault::LostReply,
        Fault::Status(500),
        Fault::Status(throttled),
    ];
    if kind == "ReceiveMessage" {
        // As likely as the others together: nothing else makes a message come twice.
        faults.extend([Fault::Duplicate; 4]);
        faults.extend([Fault::Reorder; 3]);
    }
    faults[random.usize(..faults.len())]
}
