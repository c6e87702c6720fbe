// A program that embeds MicroPython by ports/embed's package: what it prints is the same with the C
// and with mpgc. It prints figures of the heap and of exceptions, so that a difference in either
// shows.

#include "port/micropython_embed.h"

static const char script[] =
    "import gc\n"
    "def figures(what):\n"
    "    gc.collect()\n"
    "    print(what, gc.mem_alloc(), gc.mem_free())\n"
    "figures('at first')\n"
    "kept = []\n"
    "for i in range(200):\n"
    "    kept.append([i] * (i % 7))\n"
    "    if i % 3 == 0:\n"
    "        kept.pop(i // 6)\n"
    "figures('some kept')\n"
    "print(sum(len(one) for one in kept))\n"
    "def deep(n):\n"
    "    try:\n"
    "        return n and deep(n - 1) or 1 // n\n"
    "    finally:\n"
    "        kept.append(n)\n"
    "try:\n"
    "    deep(20)\n"
    "except Exception as er:\n"
    "    print('caught', repr(er), len(kept))\n"
    "def numbers(n):\n"
    "    while True:\n"
    "        n = yield n * n\n"
    "one = numbers(3)\n"
    "print(next(one), one.send(9), one.send(20))\n"
    "grown = b''\n"
    "try:\n"
    "    while True:\n"
    "        grown += b'0123456789' * 20\n"
    "except MemoryError as er:\n"
    "    print('full', len(grown))\n"
    "grown = kept = None\n"
    "figures('at last')\n";

static char heap[24 * 1024];

int main(void) {
    int stack_top;
    mp_embed_init(&heap[0], sizeof(heap), &stack_top);
    mp_embed_exec_str(script);
    mp_embed_deinit();
    return 0;
}
