// The Python module `mpgc`, only in builds with MPGC_PYTHON_MODULE=1: it lets a program find out
// which memory system it runs on.

#include <string.h>

#include "py/gc.h"
#include "py/obj.h"
#include "py/runtime.h"
#include "py/smallint.h"
#include "py/stream.h"
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

// The bytes of the longest free run: what could be had at once.
static mp_obj_t mpgc_module_max_free(void) {
    gc_info_t info;
    gc_info(&info);
    return mp_obj_new_int_from_uint(info.max_free * MICROPY_BYTES_PER_GC_BLOCK);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mpgc_module_max_free_obj, mpgc_module_max_free);

// Without MPGC_STATS=1 nothing is counted, and there is none of the two.
__attribute__((weak)) void mpgc_stats(struct mpgc_figures *out);
__attribute__((weak)) void mpgc_reset_stats(void);

static void put_stat(mp_obj_t into, qstr name, mp_obj_t value) {
    mp_obj_subscr(into, MP_OBJ_NEW_QSTR(name), value);
}

#define PUT(name) put_stat(into, MP_QSTR_##name, mp_obj_new_int_from_uint(figures.name))

// A dict; or the one that is given, which came from an earlier call: then nothing is allocated but
// integers that are too large to be small ones.
static mp_obj_t mpgc_module_stats(size_t n_args, const mp_obj_t *args) {
    if (mpgc_stats == NULL) {
        return mp_const_none;
    }
    mpgc_figures figures;
    mpgc_stats(&figures);
    mp_obj_t into, pauses;
    if (n_args > 0) {
        into = args[0];
        pauses = mp_obj_subscr(into, MP_OBJ_NEW_QSTR(MP_QSTR_pauses), MP_OBJ_SENTINEL);
    } else {
        into = mp_obj_new_dict(24);
        pauses = mp_obj_new_list(MPGC_PAUSES, NULL);
        put_stat(into, MP_QSTR_pauses, pauses);
    }
    for (size_t i = 0; i < MPGC_PAUSES; i++) {
        mp_obj_subscr(pauses, MP_OBJ_NEW_SMALL_INT(i), mp_obj_new_int_from_uint(figures.pauses[i]));
    }
    // what makes an integer of 64 bits allocates one, however small it is
    put_stat(into, MP_QSTR_total_us, figures.total_us <= (uint64_t)MP_SMALL_INT_MAX ?
        MP_OBJ_NEW_SMALL_INT((mp_int_t)figures.total_us) : mp_obj_new_int_from_ull(figures.total_us));
    PUT(last_us);
    PUT(longest_us);
    PUT(asked);
    PUT(full);
    PUT(threshold);
    PUT(idle);
    PUT(mark_overflows);
    PUT(finalised);
    PUT(failures);
    PUT(failed_bytes);
    PUT(allocations);
    PUT(allocated_bytes);
    PUT(freed_objects);
    PUT(freed_bytes);
    PUT(live_objects);
    PUT(live_bytes);
    PUT(peak_bytes);
    PUT(max_free);
    PUT(free_runs);
    PUT(peak_pystack);
    PUT(peak_sched);
    PUT(peak_nodes);
    PUT(sched_refused);
    return into;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mpgc_module_stats_obj, 0, 1, mpgc_module_stats);

static mp_obj_t mpgc_module_reset_stats(void) {
    if (mpgc_reset_stats != NULL) {
        mpgc_reset_stats();
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mpgc_module_reset_stats_obj, mpgc_module_reset_stats);

// Writes to a stream, which raises what is wrong with it.
static void mpgc_module_write(void *user, const uint8_t *bytes, size_t n_bytes) {
    int error;
    mp_stream_write_exactly(*(mp_obj_t *)user, bytes, n_bytes, &error);
    if (error != 0) {
        mp_raise_OSError(error);
    }
}

// The heap of MPGC_KEEP_C=gc takes none.
__attribute__((weak)) void mpgc_snapshot(mpgc_write_fn write, void *user);

static mp_obj_t mpgc_module_snapshot(mp_obj_t stream) {
    mp_get_stream_raise(stream, MP_STREAM_OP_WRITE);
    if (mpgc_snapshot == NULL) {
        mp_raise_NotImplementedError(NULL);
    }
    mpgc_snapshot(mpgc_module_write, &stream);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mpgc_module_snapshot_obj, mpgc_module_snapshot);

// Without MPGC_TRACE=1 nothing is kept.
__attribute__((weak)) void mpgc_trace_dump(mpgc_write_fn write, void *user);

static mp_obj_t mpgc_module_trace_dump(mp_obj_t stream) {
    mp_get_stream_raise(stream, MP_STREAM_OP_WRITE);
    if (mpgc_trace_dump == NULL) {
        mp_raise_NotImplementedError(NULL);
    }
    mpgc_trace_dump(mpgc_module_write, &stream);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mpgc_module_trace_dump_obj, mpgc_module_trace_dump);

static const mp_rom_map_elem_t mpgc_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mpgc) },
    { MP_ROM_QSTR(MP_QSTR_build_info), MP_ROM_PTR(&mpgc_module_build_info_obj) },
    { MP_ROM_QSTR(MP_QSTR_clear_stack), MP_ROM_PTR(&mpgc_module_clear_stack_obj) },
    { MP_ROM_QSTR(MP_QSTR_idle), MP_ROM_PTR(&mpgc_module_idle_obj) },
    { MP_ROM_QSTR(MP_QSTR_max_free), MP_ROM_PTR(&mpgc_module_max_free_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset_stats), MP_ROM_PTR(&mpgc_module_reset_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_snapshot), MP_ROM_PTR(&mpgc_module_snapshot_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&mpgc_module_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_trace_dump), MP_ROM_PTR(&mpgc_module_trace_dump_obj) },
    { MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&mpgc_module_version_obj) },
};
static MP_DEFINE_CONST_DICT(mpgc_module_globals, mpgc_module_globals_table);

const mp_obj_module_t mpgc_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mpgc_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_mpgc, mpgc_module);
