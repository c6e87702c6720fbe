//! The coverage of runs: an operation that never occurred was not compared.

macro_rules! seen {
    ($($name:ident),* $(,)?) => {
        /// What runs have covered.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
                pub struct Covered { $(pub $name: u64),* }

        impl Covered {
            /// The counters and their names.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }

            /// Adds the counters of another run.
            pub fn add(&mut self, other: &Covered) {
                $(self.$name += other.$name;)*
            }
        }
    };
}
seen!(
    operations,
    allocations,
    failed_allocations,
    c_unread,
    moves,
    grown_in_place,
    shrunk,
    frees,
    collects,
    mark_stack_overflows,
    finalisers_run,
    areas_added,
    areas_given_back,
    pystack_exhausted,
    callbacks_run,
    nodes_run,
    queue_full,
    jumps_caught,
    jump_callbacks,
    aborts,
    tables_compared,
    pools_compared,
    dumps_compared,
    mpgc_checks,
    figures_compared,
    c_last_used_fixed,
    c_areas_fixed,
    c_mutex_fixed,
    hook_steps,
    paced,
    thresholds_moved,
);
