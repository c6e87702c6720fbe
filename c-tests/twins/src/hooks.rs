//! The calls of a running twin to the driver: roots, finalisers, callbacks, regions.

use crate::memory::{Memory, NULL, Place};
use crate::side::{MAX_REGIONS, Side, event};
use crate::twin::Hooks;
use mpgc::heap::testing::{CallbackAction, FinaliserAction};
use std::ffi::{c_int, c_void};

impl Side {
    /// The hooks of a side that stays where it is.
    pub(crate) fn hooks(this: *mut Side) -> Hooks {
        Hooks {
            world: this.cast(),
            // SAFETY: the side is valid; only the address of the field is computed.
            as_is: unsafe { &raw const (*this).as_is },
            roots,
            finalise,
            callback,
            node,
            get_region,
            give_region,
            max_new_area,
            event: on_event,
        }
    }

    /// Asks for an abort of the VM, if what runs now is to do that.
    fn abort_if_asked(&self) {
        if let (true, Some(abort)) = (self.aborts, self.twin.sched_vm_abort) {
            // SAFETY: may be called at any time; env.c and core.c handle it when the hook has
            // returned.
            unsafe { abort() }
        }
    }
}

/// The side that a hook is called for.
///
/// # Safety
///
/// `world` is what [`Side::hooks`] was given, and no reference to the side is in use: the driver
/// holds none while a twin runs.
unsafe fn side<'a>(world: *mut c_void) -> &'a mut Side {
    // SAFETY: by this function's contract.
    unsafe { &mut *world.cast::<Side>() }
}

unsafe extern "C" fn roots(world: *mut c_void, words: *mut *const usize, len: *mut usize) {
    // SAFETY: called by env.c with `world` and two words of its own; the roots stay as they are
    // during a collection.
    unsafe {
        let side = side(world);
        words.write(side.roots.as_ptr());
        len.write(side.roots.len());
    }
}

unsafe extern "C" fn finalise(world: *mut c_void, object: *mut u8) -> bool {
    // SAFETY: called by env.c with `world`.
    let side = unsafe { side(world) };
    side.tell(event::FINALISED, object.addr());
    let twin = side.twin;
    side.abort_if_asked();
    match side.finaliser {
        // docs/upstream.md, 3: a finaliser that collects is no operation of a trace.
        FinaliserAction::Collects if side.as_is => {
            // Once: in C it runs again inside its own collection.
            side.finaliser = FinaliserAction::Nothing;
            // SAFETY: the heap was made; what the C makes of it is to be seen.
            unsafe { (twin.collect)() }
        }
        FinaliserAction::Nothing | FinaliserAction::Collects => {}
        FinaliserAction::Allocates => {
            // SAFETY: the heap was made.
            let chunk = unsafe { (twin.alloc)(1, 0) };
            side.tell(event::ANSWER, chunk.addr());
        }
        // SAFETY: a finaliser may free its own object.
        FinaliserAction::FreesItself => unsafe { (twin.free)(object) },
        FinaliserAction::AsksInfo => {
            let info = side.info();
            // docs/upstream.md, 10: marked objects are counted otherwise, and so are their runs.
            side.tell(event::ANSWER, info[0]);
            side.tell(event::ANSWER, info[2]);
            if side.as_is {
                side.tell(event::ANSWER, info[0] - info[1] - info[2]);
            }
        }
        FinaliserAction::FreesLinked => {
            let linked = side.program_word(object, 1);
            side.tell(event::ANSWER, linked);
            if matches!(side.kind_at(linked), Some(1 | 3)) {
                // SAFETY: a chunk starts there, and the trace looks anew at what is left.
                unsafe { (twin.free)(std::ptr::with_exposed_provenance_mut(linked)) };
            }
        }
        FinaliserAction::Raises => return true,
    }
    false
}

unsafe extern "C" fn callback(world: *mut c_void, function: *mut u8, argument: *mut u8) -> bool {
    // SAFETY: called by env.c with `world`.
    let action = unsafe { side(world) }.callback;
    // SAFETY: as above.
    unsafe { side(world) }.abort_if_asked();
    if let CallbackAction::Schedules = action {
        // SAFETY: as above.
        let side = unsafe { side(world) };
        if let Some(schedule) = side.twin.schedule {
            // SAFETY: env.c's own function, called outside of an atomic section.
            let queued = unsafe { schedule(function, argument) };
            side.tell(event::ANSWER, queued.into());
        }
    }
    // SAFETY: as above.
    unsafe { act(world, action, 0) };
    action == CallbackAction::Raises
}

unsafe extern "C" fn node(world: *mut c_void, number: usize) {
    // SAFETY: called by env.c with `world`.
    unsafe {
        let action = side(world).callback;
        side(world).abort_if_asked();
        act(world, action, number + 1);
    }
}

/// # Safety
///
/// As for [`side`].
unsafe fn act(world: *mut c_void, action: CallbackAction, node: usize) {
    // SAFETY: by this function's contract.
    let twin = unsafe { side(world) }.twin;
    let answer = match action {
        CallbackAction::Nothing | CallbackAction::Raises | CallbackAction::Schedules => return,
        CallbackAction::SchedulesNode => match twin.schedule_node {
            // docs/upstream.md, 14: 1.25 runs nodes without end that nodes queue.
            // SAFETY: the node is one of env.c's.
            Some(schedule) if twin.release >= 12600 => unsafe {
                schedule(node % twin.nodes as usize).into()
            },
            // SAFETY: as above; the node queues itself, until it has been seen to run without end.
            Some(schedule) if node > 0 && unsafe { side(world) }.runs_on() => unsafe {
                schedule(node - 1).into()
            },
            _ => return,
        },
        CallbackAction::Locks => {
            if let (Some(lock), Some(unlock)) = (twin.sched_lock, twin.sched_unlock) {
                // SAFETY: they pair.
                unsafe {
                    lock();
                    unlock();
                }
            }
            return;
        }
        CallbackAction::Allocates => {
            // SAFETY: as above.
            let bytes = unsafe { side(world) }.asked(24);
            // SAFETY: the heap was made.
            let chunk = unsafe { (twin.alloc)(bytes, 0) };
            // SAFETY: as above.
            if !chunk.is_null() && unsafe { side(world) }.beside_hardened {
                // SAFETY: the chunk has as many bytes.
                unsafe { chunk.write_bytes(0, 24) }
            }
            chunk.addr()
        }
        // SAFETY: callbacks do not run inside a collection.
        CallbackAction::Collects => unsafe {
            (twin.collect)();
            0
        },
        // SAFETY: what it raises stays in env.c.
        CallbackAction::Pends => unsafe {
            (twin.handle_pending)(1, false);
            0
        },
        CallbackAction::Interrupts => match twin.keyboard_interrupt {
            // SAFETY: may be called at any time.
            Some(interrupt) => unsafe {
                interrupt();
                0
            },
            None => return,
        },
    };
    // SAFETY: by this function's contract.
    unsafe { side(world) }.tell(event::ANSWER, answer);
}

unsafe extern "C" fn get_region(world: *mut c_void, bytes: usize) -> *mut u8 {
    // SAFETY: called by env.c with `world`.
    let side = unsafe { side(world) };
    let (bytes, extra) = side.without_extra(bytes);
    side.log.push((event::GET_REGION, Place::Number(bytes)));
    if side.regions.len() >= MAX_REGIONS || bytes > side.budget {
        return std::ptr::null_mut();
    }
    side.budget -= bytes;
    let region = Memory::new(bytes, 0, extra, side.fill);
    let (start, origin) = (region.start(), region.origin());
    side.regions.push(region);
    side.tell(event::GOT_REGION, origin.addr());
    start
}

unsafe extern "C" fn give_region(world: *mut c_void, start: *mut u8) {
    // SAFETY: called by env.c with `world`.
    let side = unsafe { side(world) };
    // The memory stays: stale words may still name it.
    let Some(number) = side.regions.iter().position(|r| r.start() == start) else {
        side.tell(event::GIVE_REGION, start.addr());
        return;
    };
    side.log.push((event::GIVE_REGION, Place::Heap(number, 0)));
    side.budget += side.regions[number].bytes;
}

unsafe extern "C" fn max_new_area(world: *mut c_void) -> usize {
    // SAFETY: called by env.c with `world`.
    let side = unsafe { side(world) };
    if side.regions.len() >= MAX_REGIONS {
        return 0;
    }
    if side.asking.get() {
        side.budget
    } else {
        side.with_extra(side.budget)
    }
}

unsafe extern "C" fn on_event(world: *mut c_void, kind: c_int, value: usize) {
    // SAFETY: called by env.c with `world`.
    let side = unsafe { side(world) };
    match value {
        0 => side.log.push((kind, NULL)),
        value => side.tell(kind, value),
    }
}
