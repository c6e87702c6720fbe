// The Python module `mpgc`, only in builds with MPGC_PYTHON_MODULE=1: it lets a program find out
// which memory system it runs on.

#include <string.h>

#include "py/obj.h"
#include "py/runtime.h"
#include "../../include/mpgc.h"

static mp_obj_t mpgc_module_build_info(void) {
    const char *info = mpgc_build_info();
    return mp_obj_new_str(info, strlen(info));
}
static MP_DEFINE_CONST_FUN_OBJ_0(mpgc_module_build_info_obj, mpgc_module_build_info);

static mp_obj_t mpgc_module_version(void) {
    const char *version = mpgc_version();
    return mp_obj_new_str(version, strlen(version));
}
static MP_DEFINE_CONST_FUN_OBJ_0(mpgc_module_version_obj, mpgc_module_version);

static mp_obj_t mpgc_module_clear_stack(void) {
    mpgc_clear_dead_stack();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mpgc_module_clear_stack_obj, mpgc_module_clear_stack);

// Without MPGC_IDLE_COLLECT=1 it does not exist, and idle() does nothing.
__attribute__((weak)) bool mpgc_idle(uint32_t ms);

// A negative number is an endless wait, as for the poll of asyncio.
static mp_obj_t mpgc_module_idle(mp_obj_t ms_in) {
    mp_int_t ms = mp_obj_get_int(ms_in);
    return mp_obj_new_bool(mpgc_idle != NULL && mpgc_idle(ms < 0 ? UINT32_MAX : (uint32_t)ms));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mpgc_module_idle_obj, mpgc_module_idle);

static const mp_rom_map_elem_t mpgc_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mpgc) },
    { MP_ROM_QSTR(MP_QSTR_build_info), MP_ROM_PTR(&mpgc_module_build_info_obj) },
    { MP_ROM_QSTR(MP_QSTR_clear_stack), MP_ROM_PTR(&mpgc_module_clear_stack_obj) },
    { MP_ROM_QSTR(MP_QSTR_idle), MP_ROM_PTR(&mpgc_module_idle_obj) },
    { MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&mpgc_module_version_obj) },
};
static MP_DEFINE_CONST_DICT(mpgc_module_globals, mpgc_module_globals_table);

const mp_obj_module_t mpgc_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mpgc_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_mpgc, mpgc_module);
