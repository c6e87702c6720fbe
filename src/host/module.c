// The Python module `mpgc`, only in builds with MPGC_PYTHON_MODULE=1: it lets a
// program ask which memory system it runs on.

#include <string.h>

#include "py/obj.h"
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

static const mp_rom_map_elem_t mpgc_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mpgc) },
    { MP_ROM_QSTR(MP_QSTR_build_info), MP_ROM_PTR(&mpgc_module_build_info_obj) },
    { MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&mpgc_module_version_obj) },
};
static MP_DEFINE_CONST_DICT(mpgc_module_globals, mpgc_module_globals_table);

const mp_obj_module_t mpgc_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mpgc_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_mpgc, mpgc_module);
