// MicroPython around the four files, as far as they can see it.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/objexcept.h"
#include "py/runtime.h"

#include "env.h"

mp_state_ctx_t mp_state_ctx;
char stress_del;
volatile unsigned long stress_faults;

void stress_fault(const char *format, ...) {
    unsigned long before = __atomic_fetch_add(&stress_faults, 1, __ATOMIC_RELAXED);
    // The first ones are enough. A handler may run this, so its output may be torn.
    if (before < 20) {
        va_list args;
        va_start(args, format);
        printf("fault: ");
        vprintf(format, args);
        printf("\n");
        va_end(args);
    }
}

unsigned long stress_number(const char *name, const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 0);
    if (*text == 0 || *end != 0) {
        fprintf(stderr, "error: %s is %s: give a whole number\n", name, text);
        exit(2);
    }
    return value;
}

// Types: only that of the finaliser's object, and those that a dump knows by address.

#define TYPE(name) const mp_obj_type_t name = { .flags = 0 };
TYPE(mp_type_tuple) TYPE(mp_type_list) TYPE(mp_type_dict) TYPE(mp_type_str) TYPE(mp_type_bytes)
TYPE(mp_type_fun_bc) TYPE(mp_type_module)

int mp_printf(const mp_print_t *print, const char *fmt, ...) {
    (void)print;
    va_list args;
    va_start(args, fmt);
    int n = vprintf(fmt, args);
    va_end(args);
    return n;
}

int mp_print_str(const mp_print_t *print, const char *str) {
    return mp_printf(print, "%s", str);
}

const mp_print_t mp_plat_print;

bool mp_obj_is_exception_instance(mp_obj_t obj) {
    (void)obj;
    return true;
}

void mp_load_method_maybe(mp_obj_t obj, qstr attr, mp_obj_t *dest) {
    dest[0] = attr == MP_QSTR___del__ ? MP_OBJ_FROM_PTR(&stress_del) : MP_OBJ_NULL;
    dest[1] = obj;
}

mp_obj_t mp_call_function_1_protected(mp_obj_t fun, mp_obj_t arg) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        void *raised = stress_call(fun, arg);
        if (raised != NULL) {
            nlr_jump(raised);
        }
        nlr_pop();
        return fun;
    }
    return MP_OBJ_NULL;
}

void nlr_jump_fail(void *val) {
    fprintf(stderr, "error: a jump without a buffer, value %p\n", val);
    abort();
}
