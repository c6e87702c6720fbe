// The evaluator. The scan of the C stack keeps alive what its C variables hold. Arguments wait on
// the LIFO stack, which a jump restores.

#include "cells.h"

static value first(value list) {
    return is(list, PAIR) ? list->as.pair.first : NULL;
}

static value rest(value list) {
    return is(list, PAIR) ? list->as.pair.rest : NULL;
}

static int length(value list) {
    int n = 0;
    for (; is(list, PAIR); list = list->as.pair.rest) {
        n += 1;
    }
    return n;
}

// An environment is a list of pairs, symbol and value; symbols that are not in it are global.
static value *find(value name, value environment) {
    for (; environment != NULL; environment = environment->as.pair.rest) {
        value pair = environment->as.pair.first;
        if (pair->as.pair.first == name) {
            return &pair->as.pair.rest;
        }
    }
    return &name->as.symbol.global;
}

static value bind(value name, value v, value environment) {
    return cons(cons(name, v), environment);
}

// Parameters are a list, whose end may be a symbol that takes the other arguments.
static value bind_arguments(value closure, int count, value *arguments) {
    value environment = closure->as.closure.environment, parameter = closure->as.closure.parameters;
    for (; is(parameter, PAIR); parameter = parameter->as.pair.rest) {
        if (first(parameter) == lisp.rest) {
            value others = NULL;
            while (count > 0) {
                count -= 1;
                others = cons(arguments[count], others);
            }
            return bind(first(rest(parameter)), others, environment);
        }
        if (count == 0) {
            raise("too few arguments");
        }
        environment = bind(first(parameter), *arguments, environment);
        arguments += 1;
        count -= 1;
    }
    if (count > 0) {
        raise("too many arguments");
    }
    return environment;
}

static value call_builtin(value function, int count, value *arguments) {
    if (count < function->as.built_in.least || count > function->as.built_in.most) {
        raise("wrong number of arguments");
    }
    return function->as.built_in.function(count, arguments);
}

static void run_tick(mpgc_sched_node *node) {
    (void)node;
    if (lisp.on_tick != NULL) {
        apply(lisp.on_tick, 0, NULL);
    }
}

void lisp_tick(void) {
    lisp.ticks += 1;
    mpgc_sched_schedule_node(&lisp.sched, &lisp.tick_node, run_tick);
}

void poll_interrupts(void) {
    if (mpgc_sched_is_pending(&lisp.sched)) {
        mpgc_sched_run(&lisp.sched, &lisp.thread);
    }
}

// A jump leaves the words of the skipped frames in place, and the next frames lie over them. Since
// the collector takes any word for a root, words that these have not written yet would keep alive
// what the skipped frames held: the list that filled the heap.
static __attribute__((noinline)) void wipe_skipped_frames(void) {
    volatile uintptr_t words[96];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        words[i] = 0;
    }
}

// (try form handler): the handler is called with a symbol that names the error.
static __attribute__((noinline)) value try_form(value form, value environment) {
    mpgc_nlr_buf buffer;
    if (mpgc_nlr_push(&lisp.thread, &buffer) == 0) {
        value v = eval(first(rest(form)), environment);
        mpgc_nlr_pop(&lisp.thread);
        return v;
    }
    const char *message = buffer.value;
    wipe_skipped_frames();
    size_t n = 0;
    while (message[n] != 0) {
        n += 1;
    }
    value name = symbol(message, n, true);
    return apply(eval(first(rest(rest(form))), environment), 1, &name);
}

static void while_form(value form, value environment) {
    while (eval(first(rest(form)), environment) != NULL) {
        for (value body = rest(rest(form)); body != NULL; body = rest(body)) {
            eval(first(body), environment);
        }
    }
}

static value define_form(value form, value environment) {
    value name = first(rest(form));
    if (!is(name, SYMBOL)) {
        raise("only a symbol can be defined");
    }
    value v = eval(first(rest(rest(form))), environment);
    *find(name, environment) = v;
    return name;
}

static value make_closure(value form, value environment) {
    value closure = new_cell(CLOSURE);
    closure->as.closure.parameters = first(rest(form));
    closure->as.closure.body = rest(rest(form));
    closure->as.closure.environment = environment;
    return closure;
}

// All but the last form of a body; the last one is evaluated by the loop of `eval`.
static value all_but_last(value body, value environment) {
    for (; rest(body) != NULL; body = rest(body)) {
        eval(first(body), environment);
    }
    return first(body);
}

static void look_at_stack(void) {
    if ((const char *)__builtin_frame_address(0) < (const char *)lisp.machine->stack_limit) {
        raise("too deep");
    }
}

value eval(value form, value environment) {
    look_at_stack();
    for (;;) {
        if (is(form, SYMBOL)) {
            return *find(form, environment);
        }
        if (!is(form, PAIR)) {
            return form;
        }
        value head = form->as.pair.first;
        if (head == lisp.quote) {
            return first(rest(form));
        } else if (head == lisp.if_) {
            value rests = rest(rest(form));
            form = eval(first(rest(form)), environment) != NULL ? first(rests) : first(rest(rests));
            continue;
        } else if (head == lisp.let) {
            for (value names = first(rest(form)); names != NULL; names = rest(rest(names))) {
                environment = bind(first(names), eval(first(rest(names)), environment), environment);
            }
            form = all_but_last(rest(rest(form)), environment);
            continue;
        } else if (head == lisp.begin) {
            form = all_but_last(rest(form), environment);
            continue;
        } else if (head == lisp.fn) {
            return make_closure(form, environment);
        } else if (head == lisp.define) {
            return define_form(form, environment);
        } else if (head == lisp.while_) {
            while_form(form, environment);
            return NULL;
        } else if (head == lisp.try_) {
            return try_form(form, environment);
        }
        poll_interrupts();
        int count = length(form->as.pair.rest);
        value function = eval(head, environment);
        value *arguments = mpgc_stack_alloc(&lisp.thread, (size_t)count * sizeof(value));
        for (int i = 0; i < count; i++) {
            arguments[i] = NULL;
        }
        int i = 0;
        for (value left = form->as.pair.rest; left != NULL; left = left->as.pair.rest) {
            arguments[i++] = eval(left->as.pair.first, environment);
        }
        if (is(function, CLOSURE)) {
            environment = bind_arguments(function, count, arguments);
            mpgc_stack_free(&lisp.thread, arguments);
            form = all_but_last(function->as.closure.body, environment);
            continue;
        }
        if (!is(function, BUILTIN)) {
            raise("not a function");
        }
        value result = call_builtin(function, count, arguments);
        mpgc_stack_free(&lisp.thread, arguments);
        return result;
    }
}

value apply(value function, int count, value *arguments) {
    if (is(function, BUILTIN)) {
        return call_builtin(function, count, arguments);
    }
    if (!is(function, CLOSURE)) {
        raise("not a function");
    }
    value environment = bind_arguments(function, count, arguments);
    return eval(all_but_last(function->as.closure.body, environment), environment);
}
