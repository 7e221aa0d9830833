//! What the allocator does with memory that is freed.

/// The largest block by whose freeing glibc still adapts, with the room that its own header and a page's remainder take.
const ADAPTS: usize = (32 << 20) - (64 << 10);

/// Has the allocator keep what is freed instead of giving it back to the kernel and asking for it again.
///
/// glibc gives the end of a heap back once it is larger than twice the largest block that was mapped by itself and freed (mallopt(3),
/// `M_MMAP_THRESHOLD`). With each row group that is written 10 MB are free for a moment, so that three of four page faults of intake come from
/// memory that was had before. One large block, never touched, sets the measure. The process stays about as large as it was at its peak, and
/// the peak itself is bounded as before (tests/daemon/memory.rs). It changes nothing where glibc's tunables are set, or with another allocator.
pub fn keep_freed() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(ADAPTS)));
}
