// A boot ROM for the RP2040 in an emulator: what pico-sdk's start-up code and MicroPython call.
//
// It copies, clears and counts bits. Its arithmetic of floats is the compiler's library. Flash is
// written by stores: the emulator lets them through. What is not here stops at rom_fault.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FLASH ((volatile uint32_t *)0x10000000)
// Where the real ROM puts the first 256 bytes of the flash, which set up its interface.
#define BOOT2 ((void *)0x20041f00)
#define BOOT2_SIZE 256

#if defined(__arm__)
void rom_fault(void) {
    for (;;) {
        __asm volatile ("bkpt 1");
    }
}
#endif

void rom_nothing(void) {
}

void *memset(void *to, int value, size_t n) {
    uint8_t *byte = to;
    for (; n && ((uintptr_t)byte & 3); n--) {
        *byte++ = value;
    }
    uint32_t *word = (uint32_t *)byte, filled = (uint8_t)value * 0x01010101u;
    for (; n >= 16; n -= 16, word += 4) {
        word[0] = filled;
        word[1] = filled;
        word[2] = filled;
        word[3] = filled;
    }
    for (; n >= 4; n -= 4) {
        *word++ = filled;
    }
    for (byte = (uint8_t *)word; n; n--) {
        *byte++ = value;
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t n) {
    uint8_t *byte = to;
    const uint8_t *source = from;
    if ((((uintptr_t)byte ^ (uintptr_t)source) & 3) == 0) {
        for (; n && ((uintptr_t)byte & 3); n--) {
            *byte++ = *source++;
        }
        uint32_t *word = (uint32_t *)byte;
        const uint32_t *read = (const uint32_t *)source;
        for (; n >= 16; n -= 16, word += 4, read += 4) {
            uint32_t a = read[0], b = read[1], c = read[2], d = read[3];
            word[0] = a;
            word[1] = b;
            word[2] = c;
            word[3] = d;
        }
        for (; n >= 4; n -= 4) {
            *word++ = *read++;
        }
        byte = (uint8_t *)word;
        source = (const uint8_t *)read;
    }
    for (; n; n--) {
        *byte++ = *source++;
    }
    return to;
}

uint32_t rom_popcount(uint32_t x) {
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    x = (x + (x >> 4)) & 0x0f0f0f0f;
    return x * 0x01010101u >> 24;
}

uint32_t rom_clz(uint32_t x) {
    uint32_t n = 32;
    for (uint32_t half = 16; half; half >>= 1) {
        if (x >> half) {
            n -= half;
            x >>= half;
        }
    }
    return n - x;
}

uint32_t rom_ctz(uint32_t x) {
    return x ? 31 - rom_clz(x & -x) : 32;
}

uint32_t rom_reverse(uint32_t x) {
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(x);
}

void *rom_table_lookup(const uint16_t *table, uint32_t code) {
    for (; table[0]; table += 2) {
        if (table[0] == code) {
            return (void *)(uintptr_t)table[1];
        }
    }
    return NULL;
}

// Both take offsets from the beginning of the flash.
void rom_flash_erase(uint32_t at, size_t n, uint32_t block, uint8_t command) {
    (void)block;
    (void)command;
    for (uint32_t i = at / 4; i < (at + n) / 4; i++) {
        FLASH[i] = 0xffffffff;
    }
}

// Flash can only be programmed from 1 to 0.
void rom_flash_program(uint32_t at, const uint8_t *from, size_t n) {
    for (size_t i = 0; i < n; i += 4) {
        uint32_t word;
        memcpy(&word, from + i, 4);
        FLASH[(at + i) / 4] &= word;
    }
}

// The mantissa times 2 to the power of `shift`, towards minus infinity, to the nearest value that
// there is.
static int64_t fixed(bool negative, uint64_t mantissa, int shift) {
    uint64_t limit = negative ? (uint64_t)1 << 63 : INT64_MAX, lost = 0;
    if (mantissa && shift > 0) {
        mantissa = shift > 63 || mantissa >> (63 - shift) > 1 ? UINT64_MAX : mantissa << shift;
    } else if (shift < 0) {
        lost = shift < -63 ? mantissa : mantissa & (((uint64_t)1 << -shift) - 1);
        mantissa = shift < -63 ? 0 : mantissa >> -shift;
    }
    if (mantissa > limit) {
        mantissa = limit;
    }
    return negative ? (int64_t)-mantissa - (lost && mantissa < limit) : (int64_t)mantissa;
}

static uint64_t unsigned_fixed(bool negative, uint64_t mantissa, int shift) {
    if (negative || shift < -63) {
        return 0;
    }
    if (mantissa && shift > 0) {
        return shift > 63 || mantissa >> (64 - shift) ? UINT64_MAX : mantissa << shift;
    }
    return mantissa >> -shift;
}

// Sign, mantissa and exponent of an integer times a power of two; infinities are large.
#define PARTS(bits, MANTISSA, EXPONENT, places) \
    (bits) >> (MANTISSA + EXPONENT) & 1, \
    ((bits) & (((uint64_t)1 << MANTISSA) - 1)) | (uint64_t)1 << MANTISSA, \
    (int)((bits) >> MANTISSA & ((1 << EXPONENT) - 1)) - ((1 << (EXPONENT - 1)) - 1) - MANTISSA + (places)

static uint64_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static uint64_t bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

int64_t rom_float2fix64(float x, int places) {
    return x == 0 ? 0 : fixed(PARTS(bits_of_float(x), 23, 8, places));
}

uint64_t rom_float2ufix64(float x, int places) {
    return unsigned_fixed(PARTS(bits_of_float(x), 23, 8, places));
}

int64_t rom_double2fix64(double x, int places) {
    return x == 0 ? 0 : fixed(PARTS(bits_of_double(x), 52, 11, places));
}

uint64_t rom_double2ufix64(double x, int places) {
    return unsigned_fixed(PARTS(bits_of_double(x), 52, 11, places));
}

int64_t rom_float2int64(float x) {
    return rom_float2fix64(x, 0);
}

uint64_t rom_float2uint64(float x) {
    return rom_float2ufix64(x, 0);
}

int64_t rom_double2int64(double x) {
    return rom_double2fix64(x, 0);
}

uint64_t rom_double2uint64(double x) {
    return rom_double2ufix64(x, 0);
}

#if defined(__arm__)
// The flash's first part looks at the address that it would return to: none means that it goes on
// to the program.
void rom_reset(void) {
    memcpy(BOOT2, (const void *)FLASH, BOOT2_SIZE);
    __asm volatile (
        "mov lr, %1\n"
        "bx %0\n"
        : : "r" ((uintptr_t)BOOT2 | 1), "r" (0));
    __builtin_unreachable();
}
#endif
