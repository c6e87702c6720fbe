//! What the scheduler asks of its host, with a point where an interrupt may come at each, and the
//! model updated.

use core::ptr::NonNull;
use std::boxed::Box;
use std::panic::resume_unwind;

use super::{Doing, Scheduler, TestNode};
use crate::sched::{Counts, Host, NodeList, Raise, Ring, Slot, State, run_due};

/// The panic that unwinds in place of a jump to the buffer for aborts.
pub(super) struct Jump;

// SAFETY: the values are cells that only this changes, interrupts come outside of sections alone,
// and the nodes are valid as long as the scheduler.
unsafe impl<const DEPTH: usize> Host<DEPTH> for &Scheduler<DEPTH> {
    type Node = TestNode;
    type Call = u32;
    type Section = ();
    type Guard = bool;
    const CHECKED: bool = false;
    const COUNTS: bool = true;

    fn begin(self) {
        self.point();
        assert!(!self.in_section.replace(true), "a section in a section");
        match self.doing() {
            Doing::Pass if self.state.get().is_pending() => {
                self.model.borrow_mut().begin_pass();
                self.go_on_with(Doing::Nodes);
            }
            Doing::Nodes => assert_eq!(self.taken.get(), None, "a taken node was not called"),
            _ => {}
        }
    }

    fn end(self, (): ()) {
        let mut model = self.model.borrow_mut();
        match self.doing() {
            Doing::Schedule(id) => {
                let put = self.put.take();
                assert!(put.is_none_or(|put| put == id), "{put:?} is put for {id}");
                model.schedule(id, put.is_some());
            }
            Doing::Node(node, id) => {
                // SAFETY: the nodes live as long as the scheduler, and nothing refers to them now.
                let callback = unsafe { self.nodes[node].as_ref() }.callback;
                model.schedule_node(node, id, callback == Some(id));
            }
            Doing::Lock => model.lock(),
            Doing::Unlock => model.unlock(),
            // The guard is linked in the section that takes the callback, and no more when the pass
            // unlocks.
            Doing::Called if self.guards.get() == 0 => model.unlock(),
            Doing::Pass | Doing::Nodes | Doing::Called | Doing::Else => {}
        }
        model.check(self.state.get().0);
        model.check_counts(self.counts.get());
        drop(model);
        assert!(self.in_section.replace(false), "no section is open");
        self.point();
    }

    fn state(self) -> State {
        let state = self.state.get();
        self.point();
        state
    }

    fn set_state(self, state: State) {
        self.state.set(state);
    }

    fn ring(self) -> Ring<DEPTH> {
        assert!(self.in_section.get(), "the ring is read in a section");
        self.ring.get()
    }

    fn set_ring(self, ring: Ring<DEPTH>) {
        assert!(self.in_section.get(), "the ring is written in a section");
        if self.doing() == Doing::Nodes {
            let old = self.ring.replace(ring);
            let id = (old.len != ring.len).then(|| self.queue[usize::from(old.first)].get());
            self.model.borrow_mut().callback_runs(id);
            self.go_on_with(Doing::Called);
        } else {
            self.ring.set(ring);
        }
    }

    fn nodes(self) -> NodeList<TestNode> {
        assert!(self.in_section.get(), "the list is read in a section");
        self.list()
    }

    fn set_nodes(self, list: NodeList<TestNode>) {
        assert!(self.in_section.get(), "the list is written in a section");
        let [head, _] = self.ends.replace([list.head, list.tail]);
        if self.doing() == Doing::Nodes {
            let node = self.number(head.expect("a node is taken from a list that has one"));
            self.taken
                .set(Some(self.model.borrow_mut().node_runs(node)));
        }
    }

    fn counts(self) -> *mut Counts {
        assert!(self.in_section.get(), "it is counted in a section");
        self.counts.as_ptr()
    }

    fn put(self, slot: Slot, id: u32) {
        self.queue[slot.index()].set(id);
        self.put.set(Some(id));
    }

    fn take(self, slot: Slot) -> u32 {
        self.queue[slot.index()].replace(0)
    }

    fn other_work(self) -> bool {
        self.exception.get()
    }

    unsafe fn call_node(self, node: NonNull<TestNode>, callback: u32) {
        let node = self.number(node);
        let expected = self.taken.take();
        assert_eq!(Some((node, callback)), expected, "nodes run in order");
        self.callback(node);
    }

    unsafe fn call(self, id: u32) {
        assert_ne!(id, 0, "a slot is taken twice");
        self.callback(0);
    }

    fn guard(self) -> bool {
        false
    }

    unsafe fn link(self, guard: *mut bool) {
        // SAFETY: by this function's contract.
        assert!(!unsafe { guard.replace(true) }, "a guard is linked twice");
        self.guards.set(self.guards.get() + 1);
    }

    unsafe fn unlink(self, guard: *mut bool) {
        // SAFETY: by this function's contract.
        assert!(unsafe { guard.replace(false) }, "a guard was linked");
        self.guards.set(self.guards.get() - 1);
    }
}

impl<const DEPTH: usize> Raise for &Scheduler<DEPTH> {
    type Exception = ();

    fn abort_waits(self) -> bool {
        let waits = self.abort.get();
        self.point();
        waits
    }

    fn clear_abort(self) {
        self.abort.set(false);
        self.point();
    }

    unsafe fn abort(self) {
        assert!(!self.in_section.get(), "a jump out of a section");
        if self.abort_buffer.get() {
            resume_unwind(Box::new(Jump));
        }
    }

    fn exception_waits(self) -> bool {
        let waits = self.exception.get();
        self.point();
        waits
    }

    fn take_exception(self) -> Option<()> {
        self.within(Doing::Else, || {
            self.begin();
            self.model.borrow_mut().exception = false;
            let taken = self.exception.take();
            self.end(());
            taken.then_some(())
        })
    }

    /// It goes no further than the caller.
    unsafe fn raise(self, (): ()) {}

    unsafe fn run_due(self) {
        // SAFETY: the test's callbacks jump by unwinding.
        self.within(Doing::Pass, || unsafe { run_due(self, || true) });
    }
}
