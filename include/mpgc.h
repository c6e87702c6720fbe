// mpgc for C. Two libraries have this header:
//
// - libmpgc, for C programs without MicroPython: a collected heap, a LIFO stack, the non-local
//   return and a scheduler. docs/firmware.md has a whole small program.
// - the objects that take the place of py/gc.c and others in a MicroPython port. Those keep
//   MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h); of this header
//   they have mpgc_version, mpgc_build_info, and the functions at the end that say so.
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.

#ifndef MPGC_H
#define MPGC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of this header. Until 1.0 a change of the minor version may change what is here.
#define MPGC_VERSION_MAJOR 0
#define MPGC_VERSION_MINOR 2
#define MPGC_VERSION_PATCH 0
#define MPGC_VERSION_STRING "0.2.0"
#define MPGC_VERSION_NUMBER ((MPGC_VERSION_MAJOR << 16) | (MPGC_VERSION_MINOR << 8) | MPGC_VERSION_PATCH)

// Words of registers in an `mpgc_nlr_buf`.
#if defined(__x86_64__)
#define MPGC_NLR_REGISTERS 8
#elif defined(__i386__)
#define MPGC_NLR_REGISTERS 6
#elif defined(__aarch64__)
#define MPGC_NLR_REGISTERS 13
#elif defined(__riscv)
#define MPGC_NLR_REGISTERS 14
#else
#define MPGC_NLR_REGISTERS 10
#endif

// Callee-saved floating-point registers are not in a buffer: the function that pushes one declares
// them clobbered, so that the compiler saves them itself.
#if defined(__aarch64__)
#define MPGC_FORGET_FLOATS \
    __asm__ volatile("" ::: "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15")
#elif defined(__arm__) && defined(__ARM_FP)
#define MPGC_FORGET_FLOATS \
    __asm__ volatile("" ::: "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15")
#elif defined(__riscv_flen)
#define MPGC_FORGET_FLOATS \
    __asm__ volatile("" ::: "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11")
#else
#define MPGC_FORGET_FLOATS ((void)0)
#endif

// The higher end of the calling function's frame, for `stack_top` of `mpgc_config`. If `main` uses
// it, the variables of `main` are scanned too. Without an operating system the linker script
// defines the end of the stack.
#define MPGC_STACK_TOP __builtin_dwarf_cfa()

// Pushes a buffer, an `mpgc_nlr_buf *`, of a thread, an `mpgc_thread *`, and returns 0; returns 1
// again when `mpgc_nlr_jump` lands here, with the buffer's `value`. As with setjmp, a local
// variable that is changed in between has to be volatile.
//
//     mpgc_nlr_buf buffer;
//     if (mpgc_nlr_push(&thread, &buffer) == 0) {
//         work();                 // may jump
//         mpgc_nlr_pop(&thread);  // it has not
//     } else {
//         report(buffer.value);
//     }
#define mpgc_nlr_push(thread_, buffer_) \
    (__extension__({ \
        (buffer_)->thread = (thread_); \
        unsigned int mpgc_landed_ = mpgc_nlr_push_buf(buffer_); \
        MPGC_FORGET_FLOATS; \
        mpgc_landed_; \
    }))

// Attributes that two functions require.
#define MPGC_RETURNS_TWICE __attribute__((returns_twice))
#define MPGC_NORETURN __attribute__((noreturn))


// Classes of the times that collections took.
#define MPGC_PAUSES 16

// Words of an `mpgc_heap`.
#define MPGC_HEAP_WORDS 128

// `mpgc_alloc`: the chunk may have a finaliser.
#define MPGC_FINALISER 1

// Words of an `mpgc_thread`.
#define MPGC_THREAD_WORDS 8

// Words of an `mpgc_sched`.
#define MPGC_SCHED_WORDS 24

// How many calls an `mpgc_sched` can queue, besides nodes.
#define MPGC_SCHED_DEPTH 8

// The kinds of fault: the first argument of `mpgc_fault`, and of an error callback.
typedef enum mpgc_fault_kind {
  // A region for a heap or an area is empty, NULL or too small.
  MPGC_FAULT_NO_ROOM = 1,
  // A pointer that was freed or resized lies in no area of the heap.
  MPGC_FAULT_FOREIGN = 2,
  // A pointer that was freed or resized lies in the heap, but is not the start of a chunk.
  MPGC_FAULT_INNER = 3,
  // A chunk that was freed or resized is free already.
  MPGC_FAULT_DOUBLE_FREE = 4,
  // A table holds a combination that cannot occur.
  MPGC_FAULT_BROKEN_TABLE = 5,
  // A free block was written to.
  MPGC_FAULT_WRITE_AFTER_FREE = 6,
  // The bytes behind those requested were written to.
  MPGC_FAULT_OVERRUN = 7,
} mpgc_fault_kind;

// The results of calls that can fail, which are also passed to an error callback. The other
// results are the kinds of `mpgc_fault_kind`.
typedef enum mpgc_error {
  // Success.
  MPGC_OK = 0,
  // No free run is long enough, even after a collection. NULL was returned.
  MPGC_ERROR_OUT_OF_MEMORY = 32,
  // The heap is locked or collecting, so it cannot allocate, resize, free, collect or add a
  // region. Nothing was changed.
  MPGC_ERROR_LOCKED = 33,
  // The LIFO stack is exhausted. It is unchanged, and NULL was returned.
  MPGC_ERROR_STACK_EXHAUSTED = 34,
  // There is no buffer to pop or to jump to.
  MPGC_ERROR_NO_BUFFER = 35,
  // A root range is registered already, or is not registered. Nothing was changed.
  MPGC_ERROR_ROOTS = 36,
  // Marking outside of a collection. Nothing was marked.
  MPGC_ERROR_NOT_COLLECTING = 37,
  // An unlock without a lock. Nothing was changed.
  MPGC_ERROR_NOT_LOCKED = 38,
  // A range extends past the end of the address space, or ends before it begins. Nothing was
  // changed.
  MPGC_ERROR_RANGE = 39,
} mpgc_error;

// The state of a heap, in memory of the program. Its contents are private; `mpgc_heap_init`
// initialises it. The chunks lie in the regions that are passed to the heap.
typedef struct mpgc_heap {
  // Private.
  size_t opaque[MPGC_HEAP_WORDS];
} mpgc_heap;

// The state of a thread of the program: a LIFO stack, and the buffers to which it jumps. Its
// contents are private; `mpgc_thread_init` initialises it.
typedef struct mpgc_thread {
  // Private.
  size_t opaque[MPGC_THREAD_WORDS];
} mpgc_thread;

// Called in a collection to mark from further roots: it calls `mpgc_mark`, `mpgc_mark_stack` and
// `mpgc_mark_thread`, and no other function of the heap.
typedef void (*mpgc_roots_fn)(struct mpgc_heap *heap, void *user);

// Called with a dying chunk that was allocated with MPGC_FINALISER and whose first word is not
// zero. The chunks that it refers to are still intact. It may call `mpgc_free` for other chunks;
// it cannot allocate, and must not keep the chunk.
typedef void (*mpgc_finalise_fn)(struct mpgc_heap *heap, void *user, void *chunk);

// Called when an error is reported, with an `mpgc_error` or an `mpgc_fault_kind`, and the address
// concerned, if any. It cannot jump out of a running finaliser or roots callback. Otherwise no
// lock is held and the heap is consistent, so it may jump, unless `kind` is
// MPGC_FAULT_BROKEN_TABLE, MPGC_FAULT_WRITE_AFTER_FREE, MPGC_FAULT_OVERRUN, or
// MPGC_ERROR_NO_BUFFER of a jump: then an undefined instruction stops the processor when it
// returns.
typedef void (*mpgc_error_fn)(void *user, int kind, const void *address);

// Keeps others out: takes a recursive mutex, or disables interrupts. The matching `mpgc_exit_fn`
// receives its result.
typedef size_t (*mpgc_enter_fn)(void *user);

// Lets others in again.
typedef void (*mpgc_exit_fn)(void *user, size_t held);

// Tells the time.
typedef uint32_t (*mpgc_clock_fn)(void *user);

// The callbacks and the roots of a heap. A zero-initialised config is valid: it has no callbacks,
// and the roots are the registered ranges.
typedef struct mpgc_config {
  // Passed to every callback.
  void *user;
  // The higher end of the C stack that collections scan; if NULL, none is scanned. Only for a
  // program with one stack; others scan theirs in `roots`. See MPGC_STACK_TOP.
  const void *stack_top;
  // A thread whose LIFO stack is a root; may be NULL. A jump in a finaliser or in `roots` finds
  // only the buffers of this thread that were pushed there.
  struct mpgc_thread *thread;
  // Marks from further roots; may be NULL.
  mpgc_roots_fn roots;
  // Runs a finaliser; if NULL, MPGC_FINALISER has no effect.
  mpgc_finalise_fn finalise;
  // Receives errors; if NULL, errors are reported by return value only.
  mpgc_error_fn error;
  // Keeps other threads and interrupts out of the heap; NULL if none of them use it.
  mpgc_enter_fn enter;
  // Ends what `enter` began.
  mpgc_exit_fn exit;
  // The heap collects when one part in `pacing` of it was allocated since the last collection,
  // as if `mpgc_set_collect` had set that; if 0, only when it is full. 8 is a good value.
  unsigned int pacing;
  // A clock in microseconds, which may wrap, to tell how long collections take in a library with
  // the feature `stats`; NULL: there is none, and they take 0.
  mpgc_clock_fn clock;
} mpgc_config;

// What was counted since the heap was made or the counters began anew. Counters wrap. Bytes are
// those of whole blocks.
typedef struct mpgc_figures {
  // Microseconds that all collections took.
  uint64_t total_us;
  // Microseconds of the last one.
  uint32_t last_us;
  // Microseconds of the longest.
  uint32_t longest_us;
  // How many collections took less than 16 microseconds, less than 32, less than 64 and so on;
  // each is in one class, and the last class has all that took longer.
  uint32_t pauses[MPGC_PAUSES];
  // Collections that the program or the port asked for.
  uint32_t asked;
  // Collections because no free run was long enough for a chunk.
  uint32_t full;
  // Collections because the threshold was reached.
  uint32_t threshold;
  // Collections while the program waited.
  uint32_t idle;
  // How often a marked object found the mark stack full.
  uint32_t mark_overflows;
  // Finalisers that ran.
  uint32_t finalised;
  // Allocations that failed, in a locked heap too.
  uint32_t failures;
  // Scheduled calls that were refused because the queue was full; 0 in the C library.
  uint32_t sched_refused;
  // The bytes that the last failed allocation asked for.
  size_t failed_bytes;
  // Chunks handed out.
  size_t allocations;
  // Bytes handed out, with those that chunks have gained in place.
  size_t allocated_bytes;
  // Chunks that collections freed.
  size_t freed_objects;
  // Bytes of these.
  size_t freed_bytes;
  // Chunks in use after the last collection, or when the counters began anew.
  size_t live_objects;
  // Bytes of these.
  size_t live_bytes;
  // The most bytes in use after any collection.
  size_t peak_bytes;
  // Bytes of the longest free run after the last collection. Free runs are counted from the
  // first call that asks for the figures on, and in it, for that takes a pass over the tables.
  size_t max_free;
  // How many free runs there were.
  size_t free_runs;
  // The most bytes of the running thread's Python stack that were ever in use, as far as they
  // were written to; 0 in the C library.
  size_t peak_pystack;
  // The most calls that ever waited in the scheduler's queue; 0 in the C library.
  size_t peak_sched;
  // The most static nodes that ever waited; 0 in the C library.
  size_t peak_nodes;
} mpgc_figures;

// Figures about a heap.
typedef struct mpgc_info {
  // Bytes of all blocks.
  size_t total;
  // Bytes of all blocks in use.
  size_t used;
  // Bytes of all free blocks.
  size_t free;
  // Bytes of the longest free run; in a hardened library the longest chunk is one byte shorter.
  size_t max_free;
  // Bytes of the longest chunk in use.
  size_t max_used;
  // Chunks that the last collection freed.
  size_t collected;
} mpgc_info;

// The result of `mpgc_check` or `mpgc_heap_check`: an invariant that does not hold.
typedef struct mpgc_broken {
  // A description of the invariant that does not hold.
  const char *what;
  // The length of `what` in bytes, without the NUL that ends it.
  size_t what_len;
  // The number of the area concerned; the first is 0.
  size_t area;
  // The number of the block concerned, counted from the start of the area's pool; `SIZE_MAX` if
  // it is no block.
  size_t block;
} mpgc_broken;

// Takes the next bytes of a snapshot. `user` is what was given with it.
typedef void (*mpgc_write_fn)(void *user, const uint8_t *bytes, size_t n_bytes);

// Says what lies at `address`, in `n_bytes` bytes: a chunk or a registered range of roots. Returns
// the name of its type or of the range, a string; NULL if the program has none. It may write to
// `label` a string that tells this chunk from others of the type. Both stay valid until the next
// call.
typedef const char *(*mpgc_describe_fn)(void *user,
                                        const void *address,
                                        size_t n_bytes,
                                        const char **label);

// A range of words that may refer to chunks. It lies in memory of the program, which does not
// change it while it is registered.
typedef struct mpgc_roots {
  // The range that was registered before this one.
  struct mpgc_roots *next;
  // Its first byte.
  const void *start;
  // Its length in bytes.
  size_t n_bytes;
} mpgc_roots;

// A buffer: the place where a jump lands. It lies on the C stack, in a function that does not
// return while the buffer is pushed.
typedef struct mpgc_nlr_buf {
  // The buffer pushed before this one.
  struct mpgc_nlr_buf *prev;
  // The value of the `mpgc_nlr_jump` that landed here.
  void *value;
  // Private.
  size_t registers[MPGC_NLR_REGISTERS];
  // The thread that pushed it.
  struct mpgc_thread *thread;
  // Private: the height of the thread's LIFO stack.
  void *stack;
} mpgc_nlr_buf;

// A callback for jumps that leave the function that pushed it. It lies on the C stack.
typedef struct mpgc_nlr_callback {
  // The callback pushed before this one.
  struct mpgc_nlr_callback *prev;
  // Called with the node itself.
  void (*fun)(void *node);
} mpgc_nlr_callback;

// A queue of calls. Its contents are private; `mpgc_sched_init` initialises it. It holds the
// arguments of queued calls: if these refer to chunks, register it as a root.
typedef struct mpgc_sched {
  // Private.
  size_t opaque[MPGC_SCHED_WORDS];
} mpgc_sched;

// A call's function.
typedef void (*mpgc_call_fn)(void *argument);

// A call that has its own memory, so that queueing it cannot fail for lack of space.
// Zero-initialise it before its first use.
typedef struct mpgc_sched_node {
  // The function, while the node is queued.
  void (*callback)(struct mpgc_sched_node *node);
  // Private.
  struct mpgc_sched_node *next;
} mpgc_sched_node;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library. Valid for ever.
const char *mpgc_version(void);

// The version of the library, in the form of MPGC_VERSION_NUMBER: if both are equal, the program
// was compiled with the header of this library.
unsigned int mpgc_version_number(void);

// One line: the library's version, what it was built for (a MicroPython release and a target, or C
// programs) and the options that matter. Valid for ever.
const char *mpgc_build_info(void);

// Whether the library has the same sizes as the header: call it as `mpgc_fits(sizeof(mpgc_heap),
// sizeof(mpgc_thread), sizeof(mpgc_sched), sizeof(mpgc_nlr_buf))`, once, in a test of your
// program.
bool mpgc_fits(size_t heap_bytes, size_t thread_bytes, size_t sched_bytes, size_t nlr_buf_bytes);

// Initialises a heap with a region; `config` is copied, and NULL stands for a zero-initialised
// one. Returns MPGC_OK, or MPGC_FAULT_NO_ROOM if the region is NULL, too small for its tables and
// four blocks, or longer than the address space: then there is no heap. A block is four words.
//
// # Safety
// `heap` may be written; the region is valid, and from now on only the heap uses it. No chunk of
// an earlier heap there is used afterwards.
int mpgc_heap_init(struct mpgc_heap *heap,
                   void *start,
                   size_t n_bytes,
                   const struct mpgc_config *config);

// Adds a region to a heap. Returns MPGC_OK; or MPGC_FAULT_NO_ROOM as for `mpgc_heap_init`, or
// MPGC_ERROR_LOCKED if a finaliser calls it, and then the heap is unchanged.
//
// # Safety
// The heap was initialised; the region is valid, and from now on only the heap uses it.
int mpgc_heap_add(struct mpgc_heap *heap, void *start, size_t n_bytes);

// Closes a heap: runs the remaining finalisers and frees everything. The program may then reuse
// its memory. Returns MPGC_OK; or MPGC_ERROR_LOCKED if the heap is locked or a finaliser calls it,
// and then the heap is unchanged.
//
// # Safety
// The heap was initialised; no chunk of it is used afterwards.
int mpgc_heap_close(struct mpgc_heap *heap);

// Allocates a chunk of at least `n_bytes` bytes, zeroed and aligned to a block of four words; NULL
// for 0 bytes. It stays allocated as long as a root, or another chunk that a root reaches, holds
// the address of its start.
//
// If no free run is long enough, it collects once, unless `mpgc_set_collect` forbids it, and then
// returns NULL: MPGC_ERROR_OUT_OF_MEMORY. While the heap is locked, or collects, it returns NULL:
// MPGC_ERROR_LOCKED. `flags` is 0 or MPGC_FINALISER.
//
// # Safety
// The heap was initialised.
void *mpgc_alloc(struct mpgc_heap *heap, size_t n_bytes, unsigned int flags);

// Resizes a chunk, in place if possible, or else by moving it if it `may_move`. Returns its
// address. Bytes gained are zero. With NULL it allocates, and with 0 bytes it frees.
//
// On failure it returns NULL and leaves the chunk unchanged: MPGC_ERROR_OUT_OF_MEMORY,
// MPGC_ERROR_LOCKED, or for a pointer to no chunk MPGC_FAULT_FOREIGN, MPGC_FAULT_INNER,
// MPGC_FAULT_DOUBLE_FREE. (NULL because the chunk may not move is no error, and is not reported.)
//
// # Safety
// The heap was initialised; the chunk is not used afterwards if another is returned.
void *mpgc_realloc(struct mpgc_heap *heap, void *chunk, size_t n_bytes, bool may_move);

// Frees a chunk without running its finaliser. `chunk` may be NULL. Returns MPGC_OK; or, for a
// pointer to no chunk, MPGC_FAULT_FOREIGN (not in this heap), MPGC_FAULT_INNER (inside a chunk),
// MPGC_FAULT_DOUBLE_FREE (free already); or MPGC_ERROR_LOCKED. In these cases nothing is freed.
//
// # Safety
// The heap was initialised; the chunk is not used afterwards.
int mpgc_free(struct mpgc_heap *heap, void *chunk);

// Returns the length of the chunk that starts at `address`, 0 if none does: the bytes of its
// blocks; in a hardened library the bytes that were requested. Any address may be passed.
//
// # Safety
// The heap was initialised.
size_t mpgc_nbytes(struct mpgc_heap *heap, const void *address);

// Collects now: finalises and frees the chunks that no root reaches. Called by a finaliser it does
// nothing. Returns MPGC_OK; or MPGC_ERROR_LOCKED while the heap is locked, and then nothing is
// freed.
//
// # Safety
// The heap was initialised, and a root reaches every chunk that is in use.
int mpgc_collect(struct mpgc_heap *heap);

// Sets when the heap collects by itself: if `when_full`, when it is full; and in either case
// before an allocation if `n_bytes` or more bytes were allocated since the last collection
// (`SIZE_MAX`: never). A new heap collects only when it is full.
//
// # Safety
// The heap was initialised.
void mpgc_set_collect(struct mpgc_heap *heap, bool when_full, size_t n_bytes);

// Prevents allocating, resizing, freeing and collecting until the matching `mpgc_unlock`: for code
// that must not collect.
//
// # Safety
// The heap was initialised.
void mpgc_lock(struct mpgc_heap *heap);

// Undoes one `mpgc_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
//
// # Safety
// The heap was initialised.
int mpgc_unlock(struct mpgc_heap *heap);

// Writes what was counted to `out`. Returns false, and writes nothing, if the library was built
// without the feature `stats`: then nothing is counted.
//
// # Safety
// The heap was made; `out` may be written.
bool mpgc_heap_stats(struct mpgc_heap *heap, struct mpgc_figures *out);

// Begins to count anew: all figures are 0, but for what is in use now, and what the last
// collection said of free runs. In a finaliser it does nothing.
//
// # Safety
// The heap was made.
void mpgc_heap_reset_stats(struct mpgc_heap *heap);

// Returns the chunk that `address` lies in, which need not be its start, and writes its length to
// `n_bytes` unless that is NULL. Returns NULL if `address` lies in no chunk.
//
// # Safety
// The heap was initialised; `n_bytes` is NULL or may be written.
void *mpgc_heap_chunk_of(struct mpgc_heap *heap, const void *address, size_t *n_bytes);

// Counts blocks and chunks, in time proportional to their number.
//
// # Safety
// The heap was initialised; `out` may be written.
void mpgc_heap_info(struct mpgc_heap *heap, struct mpgc_info *out);

// Checks every block of the heap and every claim of the search's hints. Returns true if all
// invariants hold. Otherwise returns false and writes the first one that does not to `out`, unless
// that is NULL; `what` is valid for ever. Must not be called during a collection.
//
// # Safety
// The heap was initialised; `out` is NULL or may be written.
bool mpgc_heap_check(struct mpgc_heap *heap, struct mpgc_broken *out);

// Writes a snapshot of the heap and of what a collection would begin with, in pieces of at most 64
// bytes, in the format of docs/snapshot.md, which mpgc-heap reads. `write` is called with `user`,
// and so is `describe`, which may be NULL, for each registered range and each chunk. It allocates
// nothing, and works with a heap that is full or locked. Returns MPGC_OK; or MPGC_ERROR_LOCKED if
// a collection is under way, and then nothing is written.
//
// The `roots` callback of `mpgc_config` is called as in a collection, and what it marks becomes a
// part of the snapshot. The heap is held meanwhile, with `enter` and `exit`.
//
// # Safety
// The heap was initialised. The callbacks do not use it otherwise, and do not jump out.
int mpgc_heap_snapshot(struct mpgc_heap *heap,
                       mpgc_write_fn write,
                       mpgc_describe_fn describe,
                       void *user);

// Registers a range as a root. `roots` is memory of the program for this range. Returns MPGC_OK;
// or MPGC_ERROR_ROOTS if `roots` is registered already, MPGC_FAULT_FOREIGN if it is NULL, or
// MPGC_ERROR_RANGE if the range is longer than the address space, and then nothing is changed.
//
// # Safety
// The heap was initialised; `roots` may be written; both it and the range stay valid until it is
// removed.
int mpgc_add_roots(struct mpgc_heap *heap,
                   struct mpgc_roots *roots,
                   const void *start,
                   size_t n_bytes);

// Removes a range from the roots. Returns MPGC_OK, or MPGC_ERROR_ROOTS if it is not registered.
//
// # Safety
// The heap was initialised.
int mpgc_remove_roots(struct mpgc_heap *heap, struct mpgc_roots *roots);

// Marks from the words of a range. For a roots callback. Returns MPGC_OK; or
// MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if the range is longer than the address space,
// and then nothing is marked.
//
// # Safety
// The heap was initialised; the range may be read.
int mpgc_mark(struct mpgc_heap *heap, const void *start, size_t n_bytes);

// Marks from the registers and the running C stack, up to `stack_top`, its higher end. For a roots
// callback of a program with several stacks; see also `stack_top` in `mpgc_config`. Returns
// MPGC_OK; or MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if `stack_top` lies below, and then
// nothing is marked.
//
// # Safety
// The heap was initialised; `stack_top` lies on the running stack, above.
int mpgc_mark_stack(struct mpgc_heap *heap, const void *stack_top);

// Marks from the LIFO stack of a thread. For a roots callback; collections scan that of `thread`
// in `mpgc_config` anyway. Returns MPGC_OK, or MPGC_ERROR_NOT_COLLECTING.
//
// # Safety
// Heap and thread were initialised, and the thread does not run.
int mpgc_mark_thread(struct mpgc_heap *heap, struct mpgc_thread *thread);

// Initialises a thread. `stack` is memory for its LIFO stack, NULL and 0 for none, of which one
// bit for every two words is used for a map; memory that is longer than the address space counts
// as none. `error` is called with `user` when the stack is exhausted, or a jump finds no buffer;
// if NULL, errors are reported by return value only.
//
// # Safety
// `thread` may be written; the stack's memory is valid, and from now on only the thread uses it.
void mpgc_thread_init(struct mpgc_thread *thread,
                      void *stack,
                      size_t n_bytes,
                      mpgc_error_fn error,
                      void *user);

// Allocates a chunk of the LIFO stack, aligned to two words and not cleared. Returns NULL if the
// stack is exhausted, and leaves it unchanged: MPGC_ERROR_STACK_EXHAUSTED. A chunk of 0 bytes
// takes as much as one of 1, so that each has its own address.
//
// # Safety
// The thread was initialised, and is the running one.
void *mpgc_stack_alloc(struct mpgc_thread *thread, size_t n_bytes);

// Frees a chunk of the LIFO stack, and all that were allocated after it. Returns MPGC_OK; or, for
// a pointer to no chunk, MPGC_FAULT_FOREIGN (outside of the stack), MPGC_FAULT_INNER (inside of a
// chunk, or not aligned), MPGC_FAULT_DOUBLE_FREE (free already, by a call or by a jump), and then
// nothing is changed.
//
// # Safety
// The thread was initialised, and is the running one.
int mpgc_stack_free(struct mpgc_thread *thread, void *chunk);

// Returns the bytes of the LIFO stack that are in use.
//
// # Safety
// The thread was initialised.
size_t mpgc_stack_used(struct mpgc_thread *thread);

// Saves the registers, links the buffer to its thread and returns 0; returns 1 again for each jump
// that lands here. The macro `mpgc_nlr_push` sets the thread and calls it.
//
// # Safety
// `buffer` is valid until it is popped or jumped to, and so is the caller's frame; its thread is
// set.
MPGC_RETURNS_TWICE unsigned int mpgc_nlr_push_buf(struct mpgc_nlr_buf *buffer);

// Unlinks the newest buffer. The function that pushed it calls this when no jump has landed there.
// Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if there is none.
//
// # Safety
// The thread was initialised, and is the running one.
int mpgc_nlr_pop(struct mpgc_thread *thread);

// Jumps to the newest buffer. Its push returns 1, it holds `value` and is unlinked, the LIFO stack
// has the height that it had at the push, and the callbacks pushed since have been called, newest
// first. If there is no buffer, MPGC_ERROR_NO_BUFFER is reported to the error callback with
// `value`, and the processor stops.
//
// # Safety
// The thread was initialised, and is the running one; the function that pushed the buffer has not
// returned.
void mpgc_nlr_jump(struct mpgc_thread *thread, void *value) MPGC_NORETURN;

// Registers `fun` to be called with `node` when a jump leaves the running function.
//
// # Safety
// The thread was initialised, and is the running one; `node` lies on the C stack and is valid
// until it is popped.
void mpgc_nlr_push_callback(struct mpgc_thread *thread,
                            struct mpgc_nlr_callback *node,
                            void (*fun)(void *node));

// Unlinks the newest callback, and calls it if `run`. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if
// there is none.
//
// # Safety
// The thread was initialised, and is the running one.
int mpgc_nlr_pop_callback(struct mpgc_thread *thread, bool run);

// Initialises an empty scheduler. `enter` and `exit` keep out interrupts and threads that
// schedule; NULL if there are none.
//
// # Safety
// `sched` may be written.
void mpgc_sched_init(struct mpgc_sched *sched, mpgc_enter_fn enter, mpgc_exit_fn exit, void *user);

// Queues a call of `function` with `argument`, which a later `mpgc_sched_run` makes, in order.
// Returns false if MPGC_SCHED_DEPTH calls are queued already: then nothing is changed. May be
// called from an interrupt.
//
// # Safety
// The scheduler was initialised.
bool mpgc_sched_schedule(struct mpgc_sched *sched, mpgc_call_fn function, void *argument);

// Queues a call of `callback` with `node`, which a later `mpgc_sched_run` makes, before the calls
// of `mpgc_sched_schedule`. The number of nodes is not limited. Returns false if the node is
// queued already, or either is NULL: then nothing is changed. May be called from an interrupt.
//
// # Safety
// The scheduler was initialised; `node` is valid until its callback is called.
bool mpgc_sched_schedule_node(struct mpgc_sched *sched,
                              struct mpgc_sched_node *node,
                              void (*callback)(struct mpgc_sched_node *node));

// Whether `mpgc_sched_run` has something to do.
//
// # Safety
// The scheduler was initialised.
bool mpgc_sched_is_pending(struct mpgc_sched *sched);

// Calls the nodes that are queued now, then makes the oldest call of `mpgc_sched_schedule`. Calls
// that these queue wait for the next run. Returns whether it made any call; it makes none while
// the scheduler is locked, or when one of the calls runs it.
//
// If `thread` is not NULL, calls may jump to a buffer outside, and the next run continues. If it
// is NULL, they must not.
//
// # Safety
// The scheduler was initialised; `thread` is NULL or the running one.
bool mpgc_sched_run(struct mpgc_sched *sched, struct mpgc_thread *thread);

// Keeps `mpgc_sched_run` from making calls until the matching `mpgc_sched_unlock`. May be called
// from an interrupt.
//
// # Safety
// The scheduler was initialised.
void mpgc_sched_lock(struct mpgc_sched *sched);

// Undoes one `mpgc_sched_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
//
// # Safety
// The scheduler was initialised.
int mpgc_sched_unlock(struct mpgc_sched *sched);

// Only in a MicroPython port. Called when something is wrong at `ptr` and continuing would
// damage memory; `kind` is an `mpgc_fault_kind`. The library has a weak definition that prints
// both and the chunk that `ptr` lies in; a port may define its own. The program stops when it
// returns. The heap's mutex is held, except while a heap or an area is initialised.
extern void mpgc_fault(int kind, const void *ptr);

// Only in a MicroPython port. Returns the chunk that `ptr` lies in, which need not be its start,
// and writes its length to `n_bytes` unless that is NULL. Returns NULL if `ptr` lies in no chunk.
//
// # Safety
// `gc_init` was called; `n_bytes` is NULL or may be written.
void *mpgc_chunk_of(const void *ptr, size_t *n_bytes);

// Only in a MicroPython port. Checks every block of the heap and every claim of the search's
// hints. Returns true if all invariants hold. Otherwise returns false and writes the first one
// that does not to `out`, unless that is NULL; `what` is valid for ever. Must not be called during
// a collection.
//
// # Safety
// `gc_init` was called; `out` is NULL or may be written.
bool mpgc_check(struct mpgc_broken *out);

// Only in a MicroPython port with MPGC_IDLE_COLLECT=1. Collects if the last collection took less
// than `ms` milliseconds, for which the program is about to wait (`UINT32_MAX`: an endless wait),
// and enough was allocated since. Returns whether it did. It does nothing in another thread than
// the main one, in a Cortex-M exception handler, and with the heap or the scheduler locked.
//
// # Safety
// `gc_init` was called. Python may run where this is called, and finalisers do.
bool mpgc_idle(uint32_t ms);

// Only in a MicroPython port. In the main thread, zeroes the C stack below the caller, as far as
// the port lets it grow (`mp_cstack_init_with_sp_here`; without MICROPY_STACK_CHECK 1 KB): a stale
// word of a function that has returned can keep a chunk alive once a later frame covers it.
//
// # Safety
// The stack may grow as far as the port says.
void mpgc_clear_dead_stack(void);

// In a MicroPython port with MPGC_STATS=1 only. Writes what was counted to `out`.
//
// # Safety
// The heap was made with `gc_init`; `out` may be written.
void mpgc_stats(struct mpgc_figures *out);

// In a MicroPython port with MPGC_STATS=1 only. Begins to count anew: all figures are 0, but for
// what is in use now, and what the last collection said of free runs. Not during a collection.
//
// # Safety
// The heap was made with `gc_init`.
void mpgc_reset_stats(void);

// In a MicroPython port only. Writes a snapshot of the heap, the state and the stacks of the
// running thread, in pieces of at most 64 bytes, in the format of docs/snapshot.md, which
// mpgc-heap reads. It allocates nothing, and works with a heap that is full or locked, in a
// collection too. `write` may jump: then the snapshot ends there.
//
// # Safety
// The heap was made with `gc_init`. What `write` does to the heap may leave a snapshot that makes
// no sense.
void mpgc_snapshot(mpgc_write_fn write, void *user);

// In a MicroPython port with MPGC_TRACE=1 only. Writes the last collections and failed allocations
// as Trace Event JSON, which Perfetto and Chrome read, in pieces. `write` may jump: then the text
// ends there.
//
// # Safety
// The heap was made with `gc_init`.
void mpgc_trace_dump(mpgc_write_fn write, void *user);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MPGC_H */
