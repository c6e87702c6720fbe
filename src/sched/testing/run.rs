//! The steps, as `src/host/sched.rs` does them, and the interrupts between them.

use super::{CallbackAction, CoreOp, Interrupt, NODES, Scheduler, Step, number};
use crate::sched::State;

impl<const DEPTH: usize> Scheduler<DEPTH> {
    /// Runs a whole trace, then all that waits.
    ///
    /// # Panics
    ///
    /// When something is lost, runs twice, too early or out of order, or a queue says that it is full and
    /// is not.
    pub fn run(&mut self, steps: &[Step]) {
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
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Interrupt { after, op } => self.interrupts.push_back((after, op)),
            Step::Main(op) => self.main(op),
        }
        self.point();
    }

    /// Lets all that waits run.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub fn finish(&mut self) {
        self.action = CallbackAction::Nothing;
        while !self.interrupts.is_empty() {
            self.point();
        }
        while self.locks > 0 {
            self.main(CoreOp::SchedUnlock);
        }
        // a pass runs all nodes and one callback
        for _ in 0..DEPTH + 2 {
            self.handle_pending(false);
        }
        assert!(self.model.is_empty(), "{:?} was never run", self.model);
        assert_eq!(self.state, State::IDLE, "the state when nothing waits");
    }

    fn main(&mut self, op: CoreOp) {
        match op {
            CoreOp::Schedule { .. } => self.schedule(),
            CoreOp::ScheduleNode { node } => self.schedule_node(node),
            CoreOp::SchedLock => self.lock(1),
            CoreOp::SchedUnlock if self.locks > 0 => {
                self.locks -= 1;
                self.unlock();
            }
            CoreOp::Pending { how, .. } => self.handle_pending(how != 0),
            CoreOp::Exception { .. } | CoreOp::KeyboardInterrupt => self.leave_exception(),
            CoreOp::Callback { action } => self.action = action,
            _ => {}
        }
    }

    /// A place where an interrupt may come, and others while it runs.
    fn point(&mut self) {
        let Some(&mut (ref mut after, op)) = self.interrupts.front_mut() else {
            return;
        };
        if *after > 0 {
            *after -= 1;
        } else if !self.between || !matches!(op, Interrupt::Lock | Interrupt::Unlock) {
            self.interrupts.pop_front();
            self.interrupted += 1;
            self.interrupt(op);
        }
    }

    fn interrupt(&mut self, op: Interrupt) {
        match op {
            Interrupt::Schedule => self.schedule(),
            Interrupt::ScheduleNode { node } => self.schedule_node(node),
            Interrupt::Lock => self.lock(1),
            Interrupt::Unlock if self.locks > 0 => {
                self.locks -= 1;
                self.unlock();
            }
            Interrupt::Unlock => {}
            Interrupt::Locked => {
                self.lock(0);
                self.point();
                self.unlock();
            }
            Interrupt::Exception => self.leave_exception(),
        }
    }

    /// An atomic section: nothing comes in it, but before and after it.
    fn section<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.point();
        let result = work(self);
        self.model.check(self.state.0);
        self.point();
        result
    }

    fn schedule(&mut self) {
        self.serial += 1;
        let id = self.serial;
        self.section(|s| {
            let slot = s.ring.push();
            match slot {
                Ok(slot) => {
                    s.state = s.state.scheduled();
                    s.queue[slot.index()] = id;
                }
                Err(_) => s.refused += 1,
            }
            s.model.schedule(id, slot.is_ok());
        });
    }

    fn schedule_node(&mut self, node: usize) {
        self.serial += 1;
        let (id, node) = (self.serial, node % NODES);
        self.section(|s| {
            // SAFETY: the nodes live as long as the scheduler, and nothing else refers to them now.
            let queued = unsafe { s.list.push(s.nodes[node], id) }.is_ok();
            if queued {
                s.state = s.state.scheduled();
            }
            s.model.schedule_node(node, id, queued);
        });
    }

    /// `lasting` of the lock are undone by a step of the trace.
    fn lock(&mut self, lasting: usize) {
        self.section(|s| {
            s.locks += lasting;
            s.state = s.state.locked();
            s.model.lock();
        });
    }

    fn unlock(&mut self) {
        self.section(|s| {
            let work_left = s.exception || s.list.head.is_some() || s.ring.len != 0;
            s.state = s.state.unlocked(|| work_left);
            s.model.unlock();
        });
    }

    /// No atomic section, as in C. A lock that outlives its interrupt would be lost between the read and the
    /// write, in C too.
    fn leave_exception(&mut self) {
        let outer = core::mem::replace(&mut self.between, true);
        self.exception = true;
        self.point();
        if self.state == State::IDLE {
            self.point();
            self.state = State::PENDING;
        }
        self.model.exception = self.exception;
        self.model.check(self.state.0);
        self.between = outer;
    }

    fn handle_pending(&mut self, raise: bool) {
        if self.exception {
            let taken = self.section(|s| {
                s.model.exception = false;
                core::mem::take(&mut s.exception)
            });
            if taken && raise {
                return;
            }
        }
        self.point();
        if self.state.is_pending() {
            self.run_pending();
        }
    }

    fn run_pending(&mut self) {
        self.point();
        if !self.state.is_pending() {
            return;
        }
        self.state = State::LOCKED;
        self.model.begin_pass();
        if let Some(last) = self.list.tail {
            // SAFETY: as in `schedule_node`.
            while let Some((node, callback)) = unsafe { self.list.pop() } {
                let which = number(&self.nodes, node);
                self.model.node_runs(which, callback);
                self.model.check(self.state.0);
                self.callback(which);
                if node == last {
                    break;
                }
            }
        }
        let slot = self.ring.pop();
        let id = slot.map(|slot| self.queue[slot.index()]);
        self.model.callback_runs(id);
        self.model.check(self.state.0);
        if id.is_some() {
            self.callback(0);
        }
        self.unlock();
    }

    fn callback(&mut self, node: usize) {
        self.ran += 1;
        self.point();
        match self.action {
            CallbackAction::Schedules => self.schedule(),
            CallbackAction::SchedulesNode => self.schedule_node(node),
            CallbackAction::Locks => {
                self.lock(0);
                self.unlock();
            }
            // what it raises stays in the callback
            CallbackAction::Pends => self.handle_pending(true),
            CallbackAction::Interrupts => self.leave_exception(),
            _ => {}
        }
        self.point();
    }
}
