//! The lock depth: whether this thread may allocate and free.
//!
//! Each thread has its own depth, so the functions here need no mutex. A hard interrupt may change
//! it, but restores it before it returns.

use super::Heap;
#[cfg(doc)]
use super::host::Config;
use super::host::Host;

/// The bit of the lock depth that is set during a collection (`GC_COLLECT_FLAG`).
pub const COLLECTING: u16 = 1;

impl<H: Host> Heap<H> {
    /// What a lock adds to the depth. With finalisers, the bit below it is set during a collection.
    ///
    /// Without finalisers nothing can call the heap during a collection, and there is no such bit.
    /// Without [`Config::FINALISER_PASS`] a collection counts as one lock.
    pub const LOCK_UNIT: u16 = if Self::COLLECTING != 0 { 2 } else { 1 };
    pub(super) const COLLECTING: u16 = if H::FINALISER && H::FINALISER_PASS {
        COLLECTING
    } else {
        0
    };

    /// Keeps this thread from allocating and freeing. Nests. Mirrors `gc_lock` (py/gc.c).
    pub fn lock(self) {
        self.change_lock_word(|depth| depth.wrapping_add(Self::LOCK_UNIT));
    }

    /// Undoes one [`Self::lock`]. Mirrors `gc_unlock` (py/gc.c).
    pub fn unlock(self) {
        self.change_lock_word(|depth| depth.wrapping_sub(Self::LOCK_UNIT));
    }

    /// Whether this thread may not allocate. Mirrors `gc_is_locked` (py/gc.c).
    pub fn is_locked(self) -> bool {
        self.lock_word() != 0
    }

    /// Whether this thread is collecting. Always false without finalisers, where nobody can ask.
    pub fn is_collecting(self) -> bool {
        Self::tells_collecting(self.lock_word())
    }

    /// Whether the thread with this lock depth is collecting.
    pub(super) fn tells_collecting(depth: u16) -> bool {
        depth & Self::COLLECTING != 0
    }

    pub(super) fn lock_word(self) -> u16 {
        // SAFETY: the field is valid (a promise of Host), and only this thread uses it.
        unsafe { self.host().lock_depth().read() }
    }

    pub(super) fn set_lock_word(self, depth: u16) {
        // SAFETY: as in `lock_word`.
        unsafe { self.host().lock_depth().write(depth) }
    }

    /// Changes the depth. It asks once where the field is, which may take a call.
    fn change_lock_word(self, to: impl FnOnce(u16) -> u16) {
        let field = self.host().lock_depth();
        // SAFETY: as in `lock_word`.
        unsafe { field.write(to(field.read())) }
    }

    pub(super) fn set_collecting(self, on: bool) {
        if !H::FINALISER_PASS {
            return if on { self.lock() } else { self.unlock() };
        }
        self.change_lock_word(|depth| {
            let depth = depth & !Self::COLLECTING;
            if on { depth | Self::COLLECTING } else { depth }
        });
    }
}
