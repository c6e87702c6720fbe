// Jumps out of calls of any depth, and checks that the caller's values are unchanged. Every
// function here keeps more values than there are callee-saved registers, so that each of those
// holds one, and another one in each call; the values come from memory, or they would be computed
// anew.

#include <stdint.h>
#include <stdio.h>

#define ROUNDS (2000)
// No architecture's buffer has more registers.
#define MOST_REGISTERS (128)
#define GUARD ((void *)(uintptr_t)0x1234)

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) \
    X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19)
#define KEEP(n) uintptr_t kept##n = source[n] + base;
// This keeps the compiler from making a sum before the call.
#define MIX(n) sum = sum * 31 + kept##n;
#define COMPARE(n) wrong |= (kept##n != source[n] + base) << 2;
#define FLOATS_OF(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define KEEP_FLOAT(n) float real##n = floats[n];
#define OTHER_FLOAT(n) float real##n = floats[n] + 1;
#define MIX_FLOAT(n) real = real * 0.5f + real##n;
#define COMPARE_FLOAT(n) wrong |= (real##n != floats[n]) << 3;

typedef struct _nlr_buf_t {
    struct _nlr_buf_t *prev;
    void *ret_val;
    void *regs[MOST_REGISTERS];
} nlr_buf_t;

extern const size_t NLR_REGISTERS;
unsigned int nlr_push(nlr_buf_t *buffer);
void nlr_jump(void *value) __attribute__((noreturn));

// As a function that may return, so that the compiler keeps what comes after the call.
static void (*volatile jump)(void *) = nlr_jump;
static volatile uintptr_t source[20];
static volatile float floats[6];

// If a function knew another one's use of registers, it could keep values in fewer.
#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noipa))
#endif

static uintptr_t APART raise_from(int depth, uintptr_t base) {
    EACH(KEEP)
    #ifdef FLOATS_KEPT
    float real = depth;
    FLOATS_OF(OTHER_FLOAT)
    #endif
    uintptr_t sum = 0;
    if (depth == 0) {
        jump((void *)source[0]);
        sum = source[1];
    } else {
        sum = raise_from(depth - 1, base + 1);
    }
    EACH(MIX)
    #ifdef FLOATS_KEPT
    FLOATS_OF(MIX_FLOAT)
    sum += (uintptr_t)real;
    #endif
    return sum;
}

// Returns a bit for each kind of value that has changed.
static unsigned int APART catch(int depth, uintptr_t base) {
    nlr_buf_t nlr;
    for (size_t r = NLR_REGISTERS; r < MOST_REGISTERS; r++) {
        nlr.regs[r] = GUARD;
    }
    EACH(KEEP)
    #ifdef FLOATS_KEPT
    FLOATS_OF(KEEP_FLOAT)
    #endif
    unsigned int landed = nlr_push(&nlr);
    if (landed == 0) {
        raise_from(depth, base + 1);
        return 1u << 31;
    }
    unsigned int wrong = (landed != 1) | (nlr.ret_val != (void *)source[0]) << 1;
    EACH(COMPARE)
    #ifdef FLOATS_KEPT
    FLOATS_OF(COMPARE_FLOAT)
    #endif
    for (size_t r = NLR_REGISTERS; r < MOST_REGISTERS; r++) {
        wrong |= (nlr.regs[r] != GUARD) << 4;
    }
    return wrong;
}

int main(void) {
    unsigned int wrong = 0;
    int jumps = 0;
    for (int round = 1; round <= ROUNDS; round++) {
        for (int n = 0; n < 20; n++) {
            source[n] = (uintptr_t)round * 1000003 * (n + 3);
        }
        for (int n = 0; n < 6; n++) {
            floats[n] = round * (n + 2);
        }
        wrong |= catch(round % 50, (uintptr_t)round << 8);
        jumps++;
    }
    printf("%d registers, %d jumps, wrong 0x%x\n", (int)NLR_REGISTERS, jumps, wrong);
    return wrong != 0;
}
