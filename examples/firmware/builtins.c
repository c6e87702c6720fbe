// The functions that the Lisp has from the start.

#include "cells.h"

static intptr_t number(value v) {
    if (!is_number(v)) {
        raise("not a number");
    }
    return to_number(v);
}

static value pair(value v) {
    if (!is(v, PAIR)) {
        raise("not a pair");
    }
    return v;
}

static value truth(bool b) {
    return b ? lisp.t : NULL;
}

static value f_add(int count, value *arguments) {
    intptr_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += number(arguments[i]);
    }
    return from_number(sum);
}

static value f_subtract(int count, value *arguments) {
    return from_number(count == 1 ? -number(arguments[0]) : number(arguments[0]) - number(arguments[1]));
}

static value f_multiply(int count, value *arguments) {
    intptr_t product = 1;
    for (int i = 0; i < count; i++) {
        product *= number(arguments[i]);
    }
    return from_number(product);
}

static value f_divide(int count, value *arguments) {
    (void)count;
    if (number(arguments[1]) == 0) {
        raise("division by zero");
    }
    return from_number(number(arguments[0]) / number(arguments[1]));
}

static value f_less(int count, value *arguments) {
    (void)count;
    return truth(number(arguments[0]) < number(arguments[1]));
}

static value f_equal(int count, value *arguments) {
    (void)count;
    return truth(arguments[0] == arguments[1]);
}

static value f_not(int count, value *arguments) {
    (void)count;
    return truth(arguments[0] == NULL);
}

static value f_cons(int count, value *arguments) {
    (void)count;
    return cons(arguments[0], arguments[1]);
}

static value f_first(int count, value *arguments) {
    (void)count;
    return pair(arguments[0])->as.pair.first;
}

static value f_rest(int count, value *arguments) {
    (void)count;
    return pair(arguments[0])->as.pair.rest;
}

static value f_set_first(int count, value *arguments) {
    (void)count;
    return pair(arguments[0])->as.pair.first = arguments[1];
}

static value f_set_rest(int count, value *arguments) {
    (void)count;
    return pair(arguments[0])->as.pair.rest = arguments[1];
}

static value f_list(int count, value *arguments) {
    value list = NULL;
    while (count > 0) {
        count -= 1;
        list = cons(arguments[count], list);
    }
    return list;
}

static value f_print(int count, value *arguments) {
    for (int i = 0; i < count; i++) {
        print(arguments[i]);
        put(i + 1 < count ? " " : "\n");
    }
    return NULL;
}

static value f_raise(int count, value *arguments) {
    (void)count;
    if (!is(arguments[0], SYMBOL)) {
        raise("raise takes a symbol");
    }
    raise(arguments[0]->as.symbol.name);
}

static value f_collect(int count, value *arguments) {
    (void)count, (void)arguments;
    mpgc_collect(&lisp.heap);
    return NULL;
}

// The share of the heap that is in use, in percent, after a collection.
static value f_used(int count, value *arguments) {
    (void)count, (void)arguments;
    mpgc_info info;
    mpgc_collect(&lisp.heap);
    mpgc_heap_info(&lisp.heap, &info);
    return from_number((intptr_t)(info.used * 100 / info.total));
}

// A channel stands for a resource that the collector does not know: a file, a device. It is closed
// by its finaliser.
static value f_open(int count, value *arguments) {
    (void)count;
    value channel = new_cell(CHANNEL);
    channel->as.channel.number = arguments[0];
    lisp.open_channels += 1;
    return channel;
}

static value f_open_channels(int count, value *arguments) {
    (void)count, (void)arguments;
    return from_number(lisp.open_channels);
}

static value f_ticks(int count, value *arguments) {
    (void)count, (void)arguments;
    return from_number(lisp.ticks);
}

static value f_every_tick(int count, value *arguments) {
    (void)count;
    lisp.on_tick = arguments[0];
    return NULL;
}

static const struct {
    const char *name;
    builtin *function;
    int least, most;
} builtins[] = {
    {"+", f_add, 0, 99}, {"-", f_subtract, 1, 2}, {"*", f_multiply, 0, 99}, {"/", f_divide, 2, 2},
    {"<", f_less, 2, 2}, {"=", f_equal, 2, 2}, {"not", f_not, 1, 1},
    {"cons", f_cons, 2, 2}, {"first", f_first, 1, 1}, {"tail", f_rest, 1, 1},
    {"set-first", f_set_first, 2, 2}, {"set-tail", f_set_rest, 2, 2}, {"list", f_list, 0, 99},
    {"print", f_print, 0, 99}, {"raise", f_raise, 1, 1},
    {"collect", f_collect, 0, 0}, {"used", f_used, 0, 0},
    {"open", f_open, 1, 1}, {"open-channels", f_open_channels, 0, 0},
    {"ticks", f_ticks, 0, 0}, {"every-tick", f_every_tick, 1, 1},
};

static value named(const char *name) {
    size_t n = 0;
    while (name[n] != 0) {
        n += 1;
    }
    return symbol(name, n, true);
}

void define_builtins(void) {
    struct {
        value *where;
        const char *name;
    } forms[] = {
        {&lisp.quote, "quote"}, {&lisp.if_, "if"}, {&lisp.let, "let"}, {&lisp.fn, "fn"}, {&lisp.define, "define"},
        {&lisp.while_, "while"}, {&lisp.try_, "try"}, {&lisp.begin, "begin"}, {&lisp.rest, "&"}, {&lisp.t, "t"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        *forms[i].where = named(forms[i].name);
    }
    lisp.t->as.symbol.global = lisp.t;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        value function = new_cell(BUILTIN);
        function->as.built_in.function = builtins[i].function;
        function->as.built_in.least = builtins[i].least;
        function->as.built_in.most = builtins[i].most;
        named(builtins[i].name)->as.symbol.global = function;
    }
}
