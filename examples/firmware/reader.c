// Text becomes values.

#include "cells.h"

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_space(const char **at) {
    while (is_space(**at) || **at == ';') {
        if (**at == ';') {
            while (**at != 0 && **at != '\n') {
                *at += 1;
            }
        } else {
            *at += 1;
        }
    }
}

static value read_atom(const char **at) {
    const char *start = *at;
    while (**at != 0 && !is_space(**at) && **at != '(' && **at != ')' && **at != ';' && **at != '\'') {
        *at += 1;
    }
    const char *digits = start + (*start == '-' && *at > start + 1);
    intptr_t n = 0;
    for (const char *digit = digits; digit < *at; digit++) {
        if (*digit < '0' || *digit > '9') {
            return symbol(start, (size_t)(*at - start), false);
        }
        n = n * 10 + (*digit - '0');
    }
    return from_number(digits > start ? -n : n);
}

static value read_value(const char **at);

// The end of the list is in a variable; its start keeps all of it alive.
static value read_list(const char **at) {
    value first = NULL, last = NULL;
    for (;;) {
        skip_space(at);
        if (**at == 0) {
            raise("a list has no end");
        }
        if (**at == ')') {
            *at += 1;
            return first;
        }
        value pair = cons(read_value(at), NULL);
        if (first == NULL) {
            first = pair;
        } else {
            last->as.pair.rest = pair;
        }
        last = pair;
    }
}

static value read_value(const char **at) {
    skip_space(at);
    if (**at == '(') {
        *at += 1;
        return read_list(at);
    }
    if (**at == '\'') {
        *at += 1;
        return cons(lisp.quote, cons(read_value(at), NULL));
    }
    if (**at == ')') {
        *at += 1;
        raise("a list has no start");
    }
    return read_atom(at);
}

bool read_form(const char **at, value *form) {
    skip_space(at);
    if (**at == 0) {
        return false;
    }
    *form = read_value(at);
    return true;
}
