//! The steps of a trace, and the interrupts that come between those of the scheduler.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::host::Jump;
use super::{CallbackAction, CoreOp, Doing, Interrupt, NODES, Scheduler, Step};
use crate::sched::{
    Pending, State, exception_left, handle_pending, lock, schedule, schedule_node, unlock,
};

impl<const DEPTH: usize> Scheduler<DEPTH> {
    /// Runs a whole trace, then all that waits.
    ///
    /// # Panics
    ///
    /// When something is lost, runs twice, too early or out of order, or a queue says that it is
    /// full and is not.
    pub fn run(&self, steps: &[Step]) {
        for &step in steps {
            self.step(step);
        }
        self.finish();
    }

    /// Does one step.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub fn step(&self, step: Step) {
        match step {
            Step::Interrupt { after, op } => self.interrupts.borrow_mut().push_back((after, op)),
            Step::Main(op) => self.main(op),
        }
        self.point();
    }

    /// Lets all that waits run.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub fn finish(&self) {
        self.action.set(CallbackAction::Nothing);
        while !self.interrupts.borrow().is_empty() {
            self.point();
        }
        while self.locks.get() > 0 {
            self.undo_lock();
        }
        // a pass runs all nodes and one callback
        for _ in 0..DEPTH + 2 {
            self.pending(Pending::Clear);
        }
        let model = self.model.borrow();
        assert!(model.is_empty(), "{model:?} was never run");
        assert_eq!(self.state.get(), State::IDLE, "nothing waits");
        assert_eq!(self.guards.get(), 0, "guards are unlinked");
    }

    fn main(&self, op: CoreOp) {
        match op {
            CoreOp::Schedule { .. } => self.schedule(),
            CoreOp::ScheduleNode { node } => self.schedule_node(node),
            CoreOp::SchedLock => self.lock(1),
            CoreOp::SchedUnlock => self.undo_lock(),
            CoreOp::Pending { how, abort_buffer } => {
                let what = match how % 3 {
                    0 => Pending::Clear,
                    1 => Pending::Raise,
                    _ => Pending::CallbacksOnly,
                };
                if abort_buffer {
                    self.catch_abort(what);
                } else {
                    self.pending(what);
                }
            }
            CoreOp::Exception { .. } | CoreOp::KeyboardInterrupt => self.leave_exception(),
            CoreOp::VmAbort => self.abort.set(true),
            CoreOp::Callback { action } => self.action.set(action),
            _ => {}
        }
    }

    /// A place where an interrupt may come, and others while it runs; none comes in a section.
    pub(super) fn point(&self) {
        if self.in_section.get() {
            return;
        }
        let op = {
            let mut interrupts = self.interrupts.borrow_mut();
            let Some(&mut (ref mut after, op)) = interrupts.front_mut() else {
                return;
            };
            if *after > 0 {
                *after -= 1;
                return;
            }
            if self.between.get() && matches!(op, Interrupt::Lock | Interrupt::Unlock) {
                return;
            }
            interrupts.pop_front();
            op
        };
        self.interrupted.set(self.interrupted.get() + 1);
        match op {
            Interrupt::Schedule => self.schedule(),
            Interrupt::ScheduleNode { node } => self.schedule_node(node),
            Interrupt::Lock => self.lock(1),
            Interrupt::Unlock => self.undo_lock(),
            Interrupt::Locked => {
                self.lock(0);
                self.point();
                self.unlock();
            }
            Interrupt::Exception => self.leave_exception(),
            Interrupt::Abort => self.abort.set(true),
        }
    }

    /// What is under way.
    pub(super) fn doing(&self) -> Doing {
        *self.doing.borrow().last().expect("something is under way")
    }

    pub(super) fn go_on_with(&self, doing: Doing) {
        let mut under_way = self.doing.borrow_mut();
        *under_way.last_mut().expect("something is under way") = doing;
    }

    pub(super) fn within<T>(&self, doing: Doing, work: impl FnOnce() -> T) -> T {
        self.doing.borrow_mut().push(doing);
        let result = work();
        self.doing.borrow_mut().pop();
        result
    }

    fn next_id(&self) -> u32 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    fn schedule(&self) {
        let id = self.next_id();
        if !self.within(Doing::Schedule(id), || schedule(self, id)) {
            self.refused.set(self.refused.get() + 1);
        }
    }

    fn schedule_node(&self, node: usize) {
        let (id, node) = (self.next_id(), node % NODES);
        self.within(Doing::Node(node, id), || {
            // SAFETY: the nodes live as long as the scheduler.
            unsafe { schedule_node(self, Some(self.nodes[node]), Some(id)) }
        });
    }

    /// `lasting` of the lock are undone by a step of the trace.
    fn lock(&self, lasting: usize) {
        self.within(Doing::Lock, || lock(self));
        self.locks.set(self.locks.get() + lasting);
    }

    fn unlock(&self) {
        self.within(Doing::Unlock, || unlock(self));
    }

    fn undo_lock(&self) {
        if self.locks.get() > 0 {
            self.locks.set(self.locks.get() - 1);
            self.unlock();
        }
    }

    /// No atomic section, as in C. A lock that outlives its interrupt would be lost between the
    /// read and the write, in C too.
    fn leave_exception(&self) {
        let outer = self.between.replace(true);
        self.exception.set(true);
        self.point();
        exception_left(self);
        let mut model = self.model.borrow_mut();
        model.exception = self.exception.get();
        model.check(self.state.get().0);
        self.between.set(outer);
    }

    fn pending(&self, what: Pending) {
        // SAFETY: what jumps unwinds here, which runs destructors.
        unsafe { handle_pending(self, what) }
    }

    /// The same with a buffer in which an abort lands, from wherever it is seen to.
    fn catch_abort(&self, what: Pending) {
        let depth = self.doing.borrow().len();
        self.abort_buffer.set(true);
        let caught = catch_unwind(AssertUnwindSafe(|| self.pending(what)));
        self.abort_buffer.set(false);
        let Err(reason) = caught else {
            return;
        };
        if !reason.is::<Jump>() {
            resume_unwind(reason);
        }
        self.jumps.set(self.jumps.get() + 1);
        self.doing.borrow_mut().truncate(depth);
        // As a jump does: what it passes by is unlinked and called.
        while self.guards.get() > 0 {
            self.guards.set(self.guards.get() - 1);
            self.unlock();
        }
    }

    pub(super) fn callback(&self, node: usize) {
        self.ran.set(self.ran.get() + 1);
        self.point();
        match self.action.get() {
            CallbackAction::Schedules => self.schedule(),
            CallbackAction::SchedulesNode => self.schedule_node(node),
            CallbackAction::Locks => {
                self.lock(0);
                self.unlock();
            }
            // an exception stays in the callback, except for an abort
            CallbackAction::Pends => self.pending(Pending::Raise),
            CallbackAction::Interrupts => self.leave_exception(),
            _ => {}
        }
        self.point();
    }
}
