//! The steps of the Python stack, the scheduler and nlr.

use crate::memory::{NULL, Place};
use crate::pair::{Outcome, Pair};
use mpgc::heap::testing::CoreOp;

impl Pair {
    pub(crate) fn core_step(&mut self, op: CoreOp) -> Outcome {
        match op {
            CoreOp::PystackAlloc { bytes } => {
                if self.twin(0).pystack_alloc.is_none() {
                    return Ok(());
                }
                let chunk = self.both_place("mp_pystack_alloc", |_, twin, _| {
                    // SAFETY: the stack was made; what it raises stays in env.c.
                    twin.pystack_alloc
                        .map_or(std::ptr::null_mut(), |alloc| unsafe { alloc(bytes) })
                })?;
                if chunk != NULL {
                    self.stacked.push((chunk, bytes));
                    let number = Place::Number(2 * bytes + 1);
                    (0..bytes / size_of::<usize>())
                        .for_each(|word| self.write(chunk, word, number));
                }
            }
            CoreOp::PystackFree { chunk } => {
                if self.stacked.is_empty() {
                    return Ok(());
                }
                let at = chunk % self.stacked.len();
                let (place, _) = self.stacked[at];
                self.stacked.truncate(at);
                self.both("mp_pystack_free", |pair, twin, i| {
                    if let Some(free) = twin.pystack_free {
                        // SAFETY: the chunk is in use, and the driver forgets it and all above it.
                        unsafe { free(pair.side(i).address(place)) }
                    }
                })?;
            }
            CoreOp::PystackRoot { chunk, to } => {
                if let (false, Some(to)) = (self.stacked.is_empty(), self.pick(to)) {
                    let (at, bytes) = self.stacked[chunk % self.stacked.len()];
                    if bytes >= size_of::<usize>() {
                        self.write(at, 0, to);
                    }
                }
            }
            CoreOp::Type { chunk, number } => {
                if let Some(chunk) = self.pick(chunk)
                    && self.program_bytes(chunk)? >= size_of::<usize>()
                {
                    let number = number % self.twin(0).types as usize;
                    self.write(chunk, 0, Place::Type(number));
                }
            }
            CoreOp::Schedule { function, argument } => {
                let (f, a) = (self.pick(function), self.pick(argument));
                let number = |n: usize| Place::Number(2 * n.min(1 << 20) + 1);
                let (f, a) = (f.unwrap_or(number(function)), a.unwrap_or(number(argument)));
                let queued = self.both("mp_sched_schedule", |pair, twin, i| {
                    let side = pair.side(i);
                    let (f, a) = (side.address(f), side.address(a));
                    // SAFETY: objects are only handed through.
                    twin.schedule.map(|schedule| unsafe { schedule(f, a) })
                })?;
                self.covered.queue_full += u64::from(queued == Some(false));
            }
            CoreOp::ScheduleNode { node } => {
                self.both("mp_sched_schedule_node", |_, twin, _| {
                    // SAFETY: the node is one of env.c's.
                    twin.schedule_node
                        .map(|schedule| unsafe { schedule(node % twin.nodes as usize) })
                })?;
            }
            CoreOp::SchedLock => {
                self.sched_locks += 1;
                self.both("mp_sched_lock", |_, twin, _| {
                    // SAFETY: an unlock may follow or not.
                    twin.sched_lock.map(|lock| unsafe { lock() })
                })?;
            }
            CoreOp::SchedUnlock => {
                if self.sched_locks > 0 {
                    self.sched_locks -= 1;
                    self.both("mp_sched_unlock", |_, twin, _| {
                        // SAFETY: it was locked.
                        twin.sched_unlock.map(|unlock| unsafe { unlock() })
                    })?;
                }
            }
            CoreOp::Pending { how, abort_buffer } => {
                self.both("mp_handle_pending", |_, twin, _| {
                    // SAFETY: what it raises stays in env.c.
                    unsafe { (twin.handle_pending)((how % 6).into(), abort_buffer) }
                })?;
            }
            CoreOp::Exception { chunk } => {
                let exception = self.pick(chunk).unwrap_or(Place::Number(4001));
                self.both("mp_sched_exception", |pair, twin, i| {
                    // SAFETY: objects are only handed through.
                    unsafe { (twin.sched_exception)(pair.side(i).address(exception)) }
                })?;
            }
            CoreOp::KeyboardInterrupt => {
                self.both("mp_sched_keyboard_interrupt", |_, twin, _| {
                    // SAFETY: may be called at any time.
                    twin.keyboard_interrupt
                        .map(|interrupt| unsafe { interrupt() })
                })?;
            }
            CoreOp::VmAbort => {
                self.both("mp_sched_vm_abort", |_, twin, _| {
                    // SAFETY: may be called at any time.
                    twin.sched_vm_abort.map(|abort| unsafe { abort() })
                })?;
            }
            CoreOp::Callback { action } => {
                (0..2).for_each(|i| self.side_mut(i).callback = action);
            }
            CoreOp::Jump { plan, levels } => {
                self.both("nlr", |_, twin, _| {
                    // SAFETY: every jump of the plan lands in env.c.
                    unsafe { (twin.jump)(plan, usize::from(levels.min(20))) }
                })?;
            }
        }
        Ok(())
    }
}
