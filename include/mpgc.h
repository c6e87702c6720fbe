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
#define MPGC_VERSION_MINOR 1
#define MPGC_VERSION_PATCH 0
#define MPGC_VERSION_STRING "0.1.0"
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

// Floats that a function keeps for its caller are not in a buffer: the function that pushes one is
// told that they are lost, so it keeps them itself.
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

// The end of the C stack as the function that asks sees it, for `stack_top` of `mpgc_config`: where
// its own frame ends, the higher end. What `main` keeps in its variables is scanned if `main` asks.
// Without an operating system the linker script knows it.
#define MPGC_STACK_TOP __builtin_dwarf_cfa()

// Pushes a buffer, an `mpgc_nlr_buf *`, of a thread, an `mpgc_thread *`, and gives 0; and gives 1
// once more when `mpgc_nlr_jump` lands here, with the buffer's `value`. As with setjmp, a local
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

// What the compiler has to know of two functions.
#define MPGC_RETURNS_TWICE __attribute__((returns_twice))
#define MPGC_NORETURN __attribute__((noreturn))


// Words of an `mpgc_heap`.
#define MPGC_HEAP_WORDS 128

// `mpgc_alloc`: the chunk may have a finaliser.
#define MPGC_FINALISER 1

// Words of an `mpgc_thread`.
#define MPGC_THREAD_WORDS 8

// Words of an `mpgc_sched`.
#define MPGC_SCHED_WORDS 24

// How many calls an `mpgc_sched` can keep, besides nodes.
#define MPGC_SCHED_DEPTH 8

// What is wrong: the first argument of `mpgc_fault`, and a kind of error for a C program of its
// own.
typedef enum mpgc_fault_kind {
  // A region of no bytes, or a null one, was to be made a heap.
  MPGC_FAULT_NO_ROOM = 1,
  // What was given back lies in no area of the heap.
  MPGC_FAULT_FOREIGN = 2,
  // What was given back lies in the heap, but is not the start of a chunk.
  MPGC_FAULT_INNER = 3,
  // What was given back is free already.
  MPGC_FAULT_DOUBLE_FREE = 4,
  // A table says what cannot be.
  MPGC_FAULT_BROKEN_TABLE = 5,
  // A free block was written to.
  MPGC_FAULT_WRITE_AFTER_FREE = 6,
  // The bytes behind those that were asked for were written to.
  MPGC_FAULT_OVERRUN = 7,
} mpgc_fault_kind;

// What a call that can fail returns, and what an error callback is given. Besides these there are
// the kinds of `mpgc_fault_kind`.
typedef enum mpgc_error {
  // All is well.
  MPGC_OK = 0,
  // The heap has no room for a chunk, even after a collection. NULL was returned.
  MPGC_ERROR_OUT_OF_MEMORY = 32,
  // The heap is locked, or collecting, so it cannot hand out, resize, free, collect or get a
  // region. Nothing was changed.
  MPGC_ERROR_LOCKED = 33,
  // The LIFO stack has no room for a chunk. It is as it was, and NULL was returned.
  MPGC_ERROR_STACK_EXHAUSTED = 34,
  // There is no buffer to pop, or to jump to.
  MPGC_ERROR_NO_BUFFER = 35,
  // A root range is registered already, or is not registered. Nothing was changed.
  MPGC_ERROR_ROOTS = 36,
  // Marking outside of a collection. Nothing was marked.
  MPGC_ERROR_NOT_COLLECTING = 37,
  // An unlock without a lock. Nothing was changed.
  MPGC_ERROR_NOT_LOCKED = 38,
  // A range goes on behind the end of the address space, or ends before it begins. Nothing was
  // changed.
  MPGC_ERROR_RANGE = 39,
} mpgc_error;

// A heap: its own state, in memory of the program. What is in it is the library's;
// `mpgc_heap_init` makes it. The chunks lie in the regions that the heap is given.
typedef struct mpgc_heap {
  // The library's.
  size_t opaque[MPGC_HEAP_WORDS];
} mpgc_heap;

// What a thread of the program has of its own: a LIFO stack, and where it jumps to. What is in it
// is the library's; `mpgc_thread_init` makes it.
typedef struct mpgc_thread {
  // The library's.
  size_t opaque[MPGC_THREAD_WORDS];
} mpgc_thread;

// Called in a collection to mark what is alive: it calls `mpgc_mark`, `mpgc_mark_stack` and
// `mpgc_mark_thread` and nothing else of the heap.
typedef void (*mpgc_roots_fn)(struct mpgc_heap *heap, void *user);

// Called with a dying chunk that was allocated with MPGC_FINALISER and whose first word is not
// zero. What the chunk refers to is still whole. It may call `mpgc_free` for other chunks; it
// cannot allocate, and may not keep the chunk.
typedef void (*mpgc_finalise_fn)(struct mpgc_heap *heap, void *user, void *chunk);

// Told when something goes wrong: an `mpgc_error` or an `mpgc_fault_kind`, and the address it is
// about, if any. A jump cannot leave a finaliser or a roots callback that is running. Otherwise no
// lock is held and the heap is whole, so it may jump, unless `kind` is MPGC_FAULT_BROKEN_TABLE,
// MPGC_FAULT_WRITE_AFTER_FREE, MPGC_FAULT_OVERRUN, or MPGC_ERROR_NO_BUFFER of a jump: then the
// processor is stopped by an undefined instruction when it returns.
typedef void (*mpgc_error_fn)(void *user, int kind, const void *address);

// Keeps others out: takes a mutex that its holder may take again, or turns interrupts off. What it
// returns is given back to the `mpgc_exit_fn` that ends it.
typedef size_t (*mpgc_enter_fn)(void *user);

// Lets others in again.
typedef void (*mpgc_exit_fn)(void *user, size_t held);

// What a heap calls and where it looks. All zero is a good one: nothing is called, and the roots
// are the ranges that are registered.
typedef struct mpgc_config {
  // Given to every callback.
  void *user;
  // The end of the C stack that collects scan, the higher one; NULL: none is scanned. Only for a
  // program with one stack; others scan theirs in `roots`. See MPGC_STACK_TOP.
  const void *stack_top;
  // Its LIFO stack is a root; NULL: none. A finaliser or `roots` that jumps finds no buffer of
  // this thread but its own.
  struct mpgc_thread *thread;
  // Marks further roots; NULL: there are none.
  mpgc_roots_fn roots;
  // Finalises; NULL: MPGC_FINALISER does nothing.
  mpgc_finalise_fn finalise;
  // Is told what goes wrong; NULL: only what calls return tells it.
  mpgc_error_fn error;
  // Keeps other threads and interrupts out of the heap; NULL: there are none that use it.
  mpgc_enter_fn enter;
  // Ends what `enter` began.
  mpgc_exit_fn exit;
  // The heap collects after each part of it that was handed out, one in so many, as if that were
  // set with `mpgc_set_collect`; 0: only when it is full. 8 is a good number.
  unsigned int pacing;
} mpgc_config;

// Numbers about a heap.
typedef struct mpgc_info {
  // Bytes of all blocks.
  size_t total;
  // Bytes of all blocks in use.
  size_t used;
  // Bytes of all free blocks.
  size_t free;
  // Bytes of the longest chunk that could be handed out now; a hardened library has one less.
  size_t max_free;
  // Bytes of the longest chunk in use.
  size_t max_used;
  // Chunks that the last collection freed.
  size_t collected;
} mpgc_info;

// What `mpgc_check` or `mpgc_heap_check` found to be wrong.
typedef struct mpgc_broken {
  // What is wrong, in words.
  const char *what;
  // The length of `what` in bytes, without the NUL that ends it.
  size_t what_len;
  // The number of the area where it is wrong: 0 is the first one.
  size_t area;
  // The block where it is wrong, counted from the start of the area's pool;
  // `SIZE_MAX` if it is not a block.
  size_t block;
} mpgc_broken;

// A range of words that may refer to chunks. The program gives its memory, and leaves it alone
// while it is registered.
typedef struct mpgc_roots {
  // The range that was registered before.
  struct mpgc_roots *next;
  // Its first byte.
  const void *start;
  // Its length in bytes.
  size_t n_bytes;
} mpgc_roots;

// Where a jump lands. It lies on the C stack, in a function that does not return while it is
// pushed.
typedef struct mpgc_nlr_buf {
  // The buffer pushed before this one.
  struct mpgc_nlr_buf *prev;
  // What was given to `mpgc_nlr_jump`, once a jump has landed here.
  void *value;
  // The library's.
  size_t registers[MPGC_NLR_REGISTERS];
  // The thread that pushed it.
  struct mpgc_thread *thread;
  // The library's: how far its LIFO stack was in use.
  void *stack;
} mpgc_nlr_buf;

// A callback that is called when a jump passes by it. It lies on the C stack.
typedef struct mpgc_nlr_callback {
  // The callback pushed before this one.
  struct mpgc_nlr_callback *prev;
  // Called with the node itself.
  void (*fun)(void *node);
} mpgc_nlr_callback;

// A queue of calls to make. What is in it is the library's; `mpgc_sched_init` makes it. The
// arguments of queued calls lie in it: where they refer to chunks, register it as a root.
typedef struct mpgc_sched {
  // The library's.
  size_t opaque[MPGC_SCHED_WORDS];
} mpgc_sched;

// What is called.
typedef void (*mpgc_call_fn)(void *argument);

// A call that has its own memory, so that there is always room for it. All zero before its first
// use.
typedef struct mpgc_sched_node {
  // What is called, while it is queued.
  void (*callback)(struct mpgc_sched_node *node);
  // The library's.
  struct mpgc_sched_node *next;
} mpgc_sched_node;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library. Valid for ever.
const char *mpgc_version(void);

// The version of the library as MPGC_VERSION_NUMBER writes it: the header that a program was
// compiled with fits if both are equal.
unsigned int mpgc_version_number(void);

// One line: the library's version, what it was built for (a MicroPython release and a target, or C
// programs) and the options that matter. Valid for ever.
const char *mpgc_build_info(void);

// Whether the library was built for the sizes that the header has: call it as
// `mpgc_fits(sizeof(mpgc_heap), sizeof(mpgc_thread), sizeof(mpgc_sched), sizeof(mpgc_nlr_buf))`,
// once, in a test of your program.
bool mpgc_fits(size_t heap_bytes, size_t thread_bytes, size_t sched_bytes, size_t nlr_buf_bytes);

// Makes a heap of a region; `config` is copied, NULL stands for one that is all zero. Returns
// MPGC_OK, or MPGC_FAULT_NO_ROOM if the region is NULL, too small for its tables and four blocks,
// or longer than the address space: then there is no heap. A block is four words.
//
// # Safety
// `heap` may be written; the region is valid and the heap's alone from now on. No chunk of an
// earlier heap there is used any more.
int mpgc_heap_init(struct mpgc_heap *heap,
                   void *start,
                   size_t n_bytes,
                   const struct mpgc_config *config);

// Adds a region to a heap. Returns MPGC_OK; or MPGC_FAULT_NO_ROOM as for `mpgc_heap_init`, or
// MPGC_ERROR_LOCKED if a finaliser calls it, and then the heap is as it was.
//
// # Safety
// The heap was made; the region is valid and the heap's alone from now on.
int mpgc_heap_add(struct mpgc_heap *heap, void *start, size_t n_bytes);

// Ends a heap: runs the finalisers that are left and frees everything. Its memory is the program's
// again. Returns MPGC_OK; or MPGC_ERROR_LOCKED if the heap is locked or a finaliser calls it, and
// then it is as it was.
//
// # Safety
// The heap was made; no chunk of it is used any more.
int mpgc_heap_close(struct mpgc_heap *heap);

// Hands out a chunk of at least that many bytes, all zero and aligned to a block of four words;
// NULL for 0 bytes. It is the program's as long as a root, or another chunk that a root leads to,
// holds the address of its start.
//
// If there is no room the heap is collected once, unless `mpgc_set_collect` keeps it from that,
// then it is NULL: MPGC_ERROR_OUT_OF_MEMORY. While the heap is locked, or collects, it is NULL:
// MPGC_ERROR_LOCKED. `flags` is 0 or MPGC_FINALISER.
//
// # Safety
// The heap was made.
void *mpgc_alloc(struct mpgc_heap *heap, size_t n_bytes, unsigned int flags);

// Makes a chunk longer or shorter, where it is if that is possible, else elsewhere if it
// `may_move`. Returns where it is now. Bytes that it gains are zero. NULL makes a new one, 0 bytes
// free it.
//
// If it cannot be done NULL is returned and the chunk is as it was: MPGC_ERROR_OUT_OF_MEMORY,
// MPGC_ERROR_LOCKED, or for what is no chunk MPGC_FAULT_FOREIGN, MPGC_FAULT_INNER,
// MPGC_FAULT_DOUBLE_FREE. (NULL because it may not move is no error, and nobody is told.)
//
// # Safety
// The heap was made; the chunk is not used any more if another is returned.
void *mpgc_realloc(struct mpgc_heap *heap, void *chunk, size_t n_bytes, bool may_move);

// Frees a chunk; its finaliser is not run. NULL is fine. Returns MPGC_OK; or, for what is no
// chunk, MPGC_FAULT_FOREIGN (not in this heap), MPGC_FAULT_INNER (inside a chunk),
// MPGC_FAULT_DOUBLE_FREE (free already); or MPGC_ERROR_LOCKED. Then nothing is freed.
//
// # Safety
// The heap was made; nobody uses the chunk any more.
int mpgc_free(struct mpgc_heap *heap, void *chunk);

// The bytes of the chunk that starts at `address`, 0 if none does: those of its blocks; in a
// hardened library those that were asked for. Any address may be asked about.
//
// # Safety
// The heap was made.
size_t mpgc_nbytes(struct mpgc_heap *heap, const void *address);

// The chunk that `address` lies in, which need not be its start; its bytes go to `n_bytes` unless
// that is NULL. Returns NULL if it lies in none.
//
// # Safety
// The heap was made; `n_bytes` is NULL or may be written.
void *mpgc_heap_chunk_of(struct mpgc_heap *heap, const void *address, size_t *n_bytes);

// Collects now: what no root leads to is finalised and freed. A finaliser that calls it changes
// nothing. Returns MPGC_OK; or MPGC_ERROR_LOCKED while the heap is locked, and then nothing is
// freed.
//
// # Safety
// The heap was made, and every chunk in use is reached by a root.
int mpgc_collect(struct mpgc_heap *heap);

// Has the heap collect by itself, or not, when it is full; and also, in either case, before it
// hands out a chunk when that many bytes or more have been handed out since the last collection
// (`SIZE_MAX`: never). A heap that was just made does so when it is full alone.
//
// # Safety
// The heap was made.
void mpgc_set_collect(struct mpgc_heap *heap, bool when_full, size_t n_bytes);

// Keeps everybody from allocating, resizing, freeing and collecting until as many `mpgc_unlock`s:
// for code that must not collect.
//
// # Safety
// The heap was made.
void mpgc_lock(struct mpgc_heap *heap);

// Undoes one `mpgc_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
//
// # Safety
// The heap was made.
int mpgc_unlock(struct mpgc_heap *heap);

// Counts blocks and chunks; it takes a step for each.
//
// # Safety
// The heap was made; `out` may be written.
void mpgc_heap_info(struct mpgc_heap *heap, struct mpgc_info *out);

// Looks at every block of the heap and at everything that the library claims to know of it.
// Returns true if all of it is right. If not, it returns false and writes the first thing that is
// wrong to `out`, unless that is NULL; `what` is valid for ever. Not in a collection.
//
// # Safety
// The heap was made; `out` is NULL or may be written.
bool mpgc_heap_check(struct mpgc_heap *heap, struct mpgc_broken *out);

// Makes a range a root until it is taken away. `roots` is memory of the program for this one
// range. Returns MPGC_OK; or MPGC_ERROR_ROOTS if `roots` is registered already, MPGC_FAULT_FOREIGN
// if it is NULL, or MPGC_ERROR_RANGE if the range is longer than the address space, and then
// nothing is changed.
//
// # Safety
// The heap was made; `roots` may be written; both it and the range stay valid until it is removed.
int mpgc_add_roots(struct mpgc_heap *heap,
                   struct mpgc_roots *roots,
                   const void *start,
                   size_t n_bytes);

// Makes a range a root no more. Returns MPGC_OK, or MPGC_ERROR_ROOTS if it is none.
//
// # Safety
// The heap was made.
int mpgc_remove_roots(struct mpgc_heap *heap, struct mpgc_roots *roots);

// Marks what the words of a range refer to. For a roots callback. Returns MPGC_OK; or
// MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if the range is longer than the address space,
// and then nothing is marked.
//
// # Safety
// The heap was made; the range may be read.
int mpgc_mark(struct mpgc_heap *heap, const void *start, size_t n_bytes);

// Marks what the registers and the running C stack refer to, up to `stack_top`, its higher end.
// For a roots callback of a program with several stacks; see also `stack_top` in `mpgc_config`.
// Returns MPGC_OK; or MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if `stack_top` lies below,
// and then nothing is marked.
//
// # Safety
// The heap was made; `stack_top` lies on the running stack, above.
int mpgc_mark_stack(struct mpgc_heap *heap, const void *stack_top);

// Marks what the LIFO stack of a thread refers to. For a roots callback; `thread` of `mpgc_config`
// is marked without it. Returns MPGC_OK, or MPGC_ERROR_NOT_COLLECTING.
//
// # Safety
// Heap and thread were made, and the thread does not run.
int mpgc_mark_thread(struct mpgc_heap *heap, struct mpgc_thread *thread);

// Makes a thread. `stack` is memory for its LIFO stack, NULL and 0 for none, of which it keeps a
// bit for every two words; memory that is longer than the address space is none. `error` is told
// when it is exhausted, or when a jump finds no buffer, with `user`; NULL: what calls return tells
// it.
//
// # Safety
// `thread` may be written; the stack's memory is valid and its alone from now on.
void mpgc_thread_init(struct mpgc_thread *thread,
                      void *stack,
                      size_t n_bytes,
                      mpgc_error_fn error,
                      void *user);

// Hands out a chunk of the LIFO stack, aligned to two words and not cleared; NULL when there is no
// room, and the stack is as it was: MPGC_ERROR_STACK_EXHAUSTED. A chunk of 0 bytes takes as many
// as one of 1, so each has an address of its own.
//
// # Safety
// The thread was made, and is the running one.
void *mpgc_stack_alloc(struct mpgc_thread *thread, size_t n_bytes);

// Gives a chunk of the LIFO stack back, and all that were handed out after it. Returns MPGC_OK;
// or, for what is no chunk in use, MPGC_FAULT_FOREIGN (outside of the stack), MPGC_FAULT_INNER
// (inside of one, or askew), MPGC_FAULT_DOUBLE_FREE (all is free there, given back by a call or by
// a jump), and then nothing is changed.
//
// # Safety
// The thread was made, and is the running one.
int mpgc_stack_free(struct mpgc_thread *thread, void *chunk);

// The bytes of the LIFO stack that are in use.
//
// # Safety
// The thread was made.
size_t mpgc_stack_used(struct mpgc_thread *thread);

// Saves the registers, links the buffer to its thread and returns 0; and 1 once more for each jump
// that lands here. The macro `mpgc_nlr_push` sets the thread and calls it.
//
// # Safety
// `buffer` is valid until it is popped or jumped to, and so is the caller's frame; its thread is
// set.
MPGC_RETURNS_TWICE unsigned int mpgc_nlr_push_buf(struct mpgc_nlr_buf *buffer);

// Unlinks the newest buffer: to be called where the function that pushed it goes on without a
// jump. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if there is none.
//
// # Safety
// The thread was made, and is the running one.
int mpgc_nlr_pop(struct mpgc_thread *thread);

// Jumps to the newest buffer: its push returns 1, `value` is in it, it is unlinked, the LIFO stack
// is as it was when it was pushed, and the callbacks pushed since have been called, newest first.
// Without a buffer the error callback is told MPGC_ERROR_NO_BUFFER with `value`, and the processor
// stops.
//
// # Safety
// The thread was made, and is the running one; what pushed the buffer has not returned.
void mpgc_nlr_jump(struct mpgc_thread *thread, void *value) MPGC_NORETURN;

// Has `fun` called with `node` when a jump passes by the running function.
//
// # Safety
// The thread was made, and is the running one; `node` lies on the C stack and is valid until it is
// popped.
void mpgc_nlr_push_callback(struct mpgc_thread *thread,
                            struct mpgc_nlr_callback *node,
                            void (*fun)(void *node));

// Takes the newest callback away, and calls it if `run`. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER
// if there is none.
//
// # Safety
// The thread was made, and is the running one.
int mpgc_nlr_pop_callback(struct mpgc_thread *thread, bool run);

// Makes a scheduler with nothing to do. `enter` and `exit` keep interrupts and threads out that
// schedule; NULL: there are none.
//
// # Safety
// `sched` may be written.
void mpgc_sched_init(struct mpgc_sched *sched, mpgc_enter_fn enter, mpgc_exit_fn exit, void *user);

// Has `function` called with `argument` by a later `mpgc_sched_run`, in the order of the calls.
// Returns false when MPGC_SCHED_DEPTH calls wait already: then nothing is changed. May be called
// from an interrupt.
//
// # Safety
// The scheduler was made.
bool mpgc_sched_schedule(struct mpgc_sched *sched, mpgc_call_fn function, void *argument);

// Has `callback` called with `node` by a later `mpgc_sched_run`, before the calls of
// `mpgc_sched_schedule`. There is always room. Returns false if the node is queued already, or
// either is NULL: then nothing is changed. May be called from an interrupt.
//
// # Safety
// The scheduler was made; `node` is valid until its callback is called.
bool mpgc_sched_schedule_node(struct mpgc_sched *sched,
                              struct mpgc_sched_node *node,
                              void (*callback)(struct mpgc_sched_node *node));

// Whether `mpgc_sched_run` has something to do.
//
// # Safety
// The scheduler was made.
bool mpgc_sched_is_pending(struct mpgc_sched *sched);

// Calls the nodes that are queued now, then the oldest call of `mpgc_sched_schedule`. What they
// queue waits for the next run. Returns whether there was anything to do: there is not while the
// scheduler is locked, or one of them runs it.
//
// With a `thread`, they may jump to a buffer outside, and the scheduler goes on with the next run.
// With NULL they must not.
//
// # Safety
// The scheduler was made; `thread` is NULL or the running one.
bool mpgc_sched_run(struct mpgc_sched *sched, struct mpgc_thread *thread);

// Keeps `mpgc_sched_run` from calling anything until as many `mpgc_sched_unlock`s. May be called
// from an interrupt.
//
// # Safety
// The scheduler was made.
void mpgc_sched_lock(struct mpgc_sched *sched);

// Undoes one `mpgc_sched_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
//
// # Safety
// The scheduler was made.
int mpgc_sched_unlock(struct mpgc_sched *sched);

// In a MicroPython port only. Called when something is wrong at `ptr` and going on would
// damage memory; `kind` is an `mpgc_fault_kind`. The library has a weak one that prints both
// and the chunk that `ptr` lies in; a port may have its own. The program stops when it
// returns. The heap's mutex is held, unless a region is being made a heap.
extern void mpgc_fault(int kind, const void *ptr);

// In a MicroPython port only. The chunk that `ptr` lies in, which need not be its start; its bytes
// go to `n_bytes` unless that is NULL. Returns NULL if it lies in no chunk.
//
// # Safety
// The heap was made with `gc_init`; `n_bytes` is NULL or may be written.
void *mpgc_chunk_of(const void *ptr, size_t *n_bytes);

// In a MicroPython port only. Looks at every block of the heap and at everything that the library
// claims to know of it. Returns true if all of it is right. If not, it returns false and writes
// the first thing that is wrong to `out`, unless that is NULL; `what` is valid for ever. Not
// during a collection.
//
// # Safety
// The heap was made with `gc_init`; `out` is NULL or may be written.
bool mpgc_check(struct mpgc_broken *out);

// In a MicroPython port with MPGC_IDLE_COLLECT=1 only. Collects, if the program waits for so many
// milliseconds (`UINT32_MAX`: without end), the last collection took less, and enough was
// allocated since. Returns whether it did. It does nothing in another thread than the main one, in
// a Cortex-M exception handler, and with the heap or the scheduler locked.
//
// # Safety
// The heap was made with `gc_init`; Python may run where it is called, and finalisers do.
bool mpgc_idle(uint32_t ms);

// In a MicroPython port only. In the main thread, zeroes what lies below the caller on the C
// stack, as far as the port lets the stack grow (`mp_cstack_init_with_sp_here`; without
// MICROPY_STACK_CHECK 1 KB): what functions that have returned left there can keep a chunk alive
// when a later frame comes to lie over it.
//
// # Safety
// The stack has room for what the port says.
void mpgc_clear_dead_stack(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MPGC_H */
