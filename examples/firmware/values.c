// Cells are made, symbols are found, values are printed, errors are raised.

#include "cells.h"

value new_cell(enum kind kind) {
    value cell = mpgc_alloc(&lisp.heap, sizeof *cell, kind == CHANNEL ? MPGC_FINALISER : 0);
    cell->kind = kind; // there is a cell: the error callback of the heap does not return
    return cell;
}

value cons(value first, value rest) {
    value cell = new_cell(PAIR);
    cell->as.pair.first = first;
    cell->as.pair.rest = rest;
    return cell;
}

static bool same_name(const char *name, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (name[i] != text[i]) {
            return false;
        }
    }
    return name[length] == 0;
}

value symbol(const char *name, size_t length, bool constant) {
    for (value known = lisp.symbols; known != NULL; known = known->as.symbol.next) {
        if (same_name(known->as.symbol.name, name, length)) {
            return known;
        }
    }
    char *copy = NULL;
    if (!constant) {
        copy = mpgc_alloc(&lisp.heap, length + 1, 0);
        for (size_t i = 0; i < length; i++) {
            copy[i] = name[i];
        }
    }
    value made = new_cell(SYMBOL);
    made->as.symbol.name = constant ? name : copy;
    made->as.symbol.next = lisp.symbols;
    lisp.symbols = made;
    return made;
}

void put(const char *text) {
    size_t length = 0;
    while (text[length] != 0) {
        length += 1;
    }
    lisp.machine->put(text, length);
}

void put_number(intptr_t n) {
    char digits[24], *at = digits + sizeof digits - 1;
    uintptr_t rest = n < 0 ? -(uintptr_t)n : (uintptr_t)n;
    *at = 0;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (n < 0) {
        *--at = '-';
    }
    put(at);
}

static void print_list(value list) {
    put("(");
    print(list->as.pair.first);
    for (value rest = list->as.pair.rest; rest != NULL; rest = rest->as.pair.rest) {
        if (!is(rest, PAIR)) {
            put(" . ");
            print(rest);
            break;
        }
        put(" ");
        print(rest->as.pair.first);
    }
    put(")");
}

void print(value v) {
    if (v == NULL) {
        put("()");
    } else if (is_number(v)) {
        put_number(to_number(v));
    } else if (v->kind == PAIR) {
        print_list(v);
    } else if (v->kind == SYMBOL) {
        put(v->as.symbol.name);
    } else if (v->kind == CHANNEL) {
        put("#channel");
    } else {
        put("#function");
    }
}

void raise(const char *message) {
    mpgc_nlr_jump(&lisp.thread, (void *)message);
}

void raise_kind(int kind) {
    raise(
        kind == MPGC_ERROR_OUT_OF_MEMORY ? "out of memory"
            : kind == MPGC_ERROR_STACK_EXHAUSTED ? "too many arguments at once"
            : "an error of the heap"
    );
}
