// Multiplication and division, which the ESP8266 has in its ROM and its compiler's library
// therefore lacks.

#include <stdint.h>

uint32_t __udivsi3(uint32_t n, uint32_t d);
uint32_t __umodsi3(uint32_t n, uint32_t d);
int32_t __divsi3(int32_t n, int32_t d);
int32_t __modsi3(int32_t n, int32_t d);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
int64_t __muldi3(int64_t a, int64_t b);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);

// Bit by bit, as on paper. The remainder is below `d`, and so is twice it in one bit more: `carry`.
#define DIVIDE(function, type, result) \
    type function(type n, type d) { \
        type quotient = 0, rest = 0; \
        for (int bit = 8 * sizeof(type) - 1; bit >= 0; bit--) { \
            type carry = rest >> (8 * sizeof(type) - 1); \
            rest = rest << 1 | (n >> bit & 1); \
            if (carry || rest >= d) { \
                rest -= d; \
                quotient |= (type)1 << bit; \
            } \
        } \
        return result; \
    }

DIVIDE(__udivsi3, uint32_t, quotient)
DIVIDE(__umodsi3, uint32_t, rest)
DIVIDE(__udivdi3, uint64_t, quotient)
DIVIDE(__umoddi3, uint64_t, rest)

#define MAGNITUDE(type, x) ((x) < 0 ? -(type)(x) : (type)(x))

int32_t __divsi3(int32_t n, int32_t d) {
    uint32_t quotient = __udivsi3(MAGNITUDE(uint32_t, n), MAGNITUDE(uint32_t, d));
    return (int32_t)((n < 0) != (d < 0) ? -quotient : quotient);
}

int32_t __modsi3(int32_t n, int32_t d) {
    uint32_t rest = __umodsi3(MAGNITUDE(uint32_t, n), MAGNITUDE(uint32_t, d));
    return (int32_t)(n < 0 ? -rest : rest);
}

int64_t __divdi3(int64_t n, int64_t d) {
    uint64_t quotient = __udivdi3(MAGNITUDE(uint64_t, n), MAGNITUDE(uint64_t, d));
    return (int64_t)((n < 0) != (d < 0) ? -quotient : quotient);
}

int64_t __moddi3(int64_t n, int64_t d) {
    uint64_t rest = __umoddi3(MAGNITUDE(uint64_t, n), MAGNITUDE(uint64_t, d));
    return (int64_t)(n < 0 ? -rest : rest);
}

// The words of a number of 64 bits, which shifts would be made of calls for.
union words {
    uint64_t whole;
    struct {
        uint32_t low, high;
    };
};

uint64_t __umulsidi3(uint32_t a, uint32_t b) {
    uint32_t low = (a & 0xffff) * (b & 0xffff), high = (a >> 16) * (b >> 16);
    uint32_t one = (a & 0xffff) * (b >> 16), other = (a >> 16) * (b & 0xffff);
    uint32_t middle = (low >> 16) + (one & 0xffff) + (other & 0xffff);
    union words product = {
        .low = (low & 0xffff) | middle << 16,
        .high = high + (one >> 16) + (other >> 16) + (middle >> 16),
    };
    return product.whole;
}

int64_t __muldi3(int64_t a, int64_t b) {
    union words x = {.whole = (uint64_t)a}, y = {.whole = (uint64_t)b};
    union words product = {.whole = __umulsidi3(x.low, y.low)};
    product.high += x.low * y.high + x.high * y.low;
    return (int64_t)product.whole;
}
