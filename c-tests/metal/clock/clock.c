// The Python module `boardclock`: the 32-bit timer of the MPS2 boards, as a count of its ticks.
// With -icount each instruction takes the same time.
//
// Built with METAL_HEAP_SIZE=1, the heap is as large as the emulator's command line says, so that
// one firmware does for all sizes.

#include "py/gc.h"
#include "py/obj.h"

#define CONTROL (*(volatile uint32_t *)0x40000000)
#define VALUE (*(volatile uint32_t *)0x40000004)
#define RELOAD (*(volatile uint32_t *)0x40000008)

#if METAL_HEAP_SIZE
// Memory of the board that the firmware does not use. The emulator writes a size there
// (-device loader), or it is zero.
#define HEAP_SIZE (*(volatile uint32_t *)0x20000000)

void __real_gc_init(void *start, void *end);
void __wrap_gc_init(void *start, void *end);

void __wrap_gc_init(void *start, void *end) {
    size_t size = HEAP_SIZE;
    bool fits = size > 0 && size < (size_t)((char *)end - (char *)start);
    __real_gc_init(start, fits ? (char *)start + size : end);
}
#endif

static mp_obj_t ticks(void) {
    if ((CONTROL & 1) == 0) {
        RELOAD = VALUE = UINT32_MAX;
        CONTROL = 1;
    }
    return mp_obj_new_int_from_uint(UINT32_MAX - VALUE);
}
static MP_DEFINE_CONST_FUN_OBJ_0(ticks_obj, ticks);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_boardclock) },
    { MP_ROM_QSTR(MP_QSTR_ticks), MP_ROM_PTR(&ticks_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t boardclock_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_boardclock, boardclock_module);
