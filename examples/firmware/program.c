// The program that the examples run; expected.txt has its output.

#include "program.h"

const char lisp_program[] =
    "(define fib (fn (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))\n"
    "(fib 11)\n"
    // loops in a tail call, so the C stack stays where it is
    "(define range (fn (n list) (if (= n 0) list (range (- n 1) (cons n list)))))\n"
    "(define fold (fn (f start list) (if list (fold f (f start (first list)) (tail list)) start)))\n"
    "(define map (fn (f list) (reverse (fold (fn (done x) (cons (f x) done)) () list))))\n"
    "(define reverse (fn (list) (fold (fn (done x) (cons x done)) () list)))\n"
    "(map (fn (n) (* n n)) (range 12 ()))\n"
    // 200 lists of 40 in a heap that holds about four: the others are collected
    "(define round 0)\n"
    "(define sum 0)\n"
    "(while (< round 200) (define sum (+ sum (fold + 0 (range 40 ())))) (define round (+ round 1)))\n"
    "(print 'sum sum)\n"
    // insertion sort of pseudo-random numbers
    "(define insert (fn (n list) (if (not list) (list-of n) (if (< n (first list)) (cons n list)"
    " (cons (first list) (insert n (tail list)))))))\n"
    "(define list-of (fn (& all) all))\n"
    "(define mod (fn (a b) (- a (* b (/ a b)))))\n"
    "(fold (fn (sorted n) (insert n sorted)) () (map (fn (n) (mod (* n 37) 23)) (range 9 ())))\n"
    // closures with a state of their own
    "(define counter (fn (n) (fn () (define n (+ n 1)) n)))\n"
    "(define a (counter 10))\n"
    "(define b (counter 20))\n"
    "(list (a) (a) (b) (a))\n"
    // a ring: a collector that counts references would keep it
    "(let (ring (list 1 2 3)) (set-tail (tail (tail ring)) ring) (first (tail (tail (tail ring)))))\n"
    // errors are values to a handler
    "(try (/ 1 0) (fn (error) (list 'caught error)))\n"
    "(try (raise 'trouble) (fn (error) error))\n"
    "(first 5)\n"
    "(define deep (fn () (deep) 1))\n"
    "(try (deep) (fn (error) error))\n"
    "(define hungry (fn (n) (+ 1 2 3 4 5 6 7 8 9 (hungry n))))\n"
    "(try (hungry 1) (fn (error) error))\n"
    "(define grow (fn (list) (grow (cons list list))))\n"
    "(try (grow ()) (fn (error) error))\n"
    "(fib 7)\n"
    // unreachable cells are finalised
    "(define kept (open 1))\n"
    "(define round 0)\n"
    "(while (< round 10) (open round) (define round (+ round 1)))\n"
    "(collect)\n"
    "(define round 0)\n"
    "(while (< round 50) (list round) (define round (+ round 1)))\n"
    "(collect)\n"
    "(< (open-channels) 4)\n"
    // an interrupt has a function called between two others
    "(define heard 0)\n"
    "(every-tick (fn () (define heard (+ heard (first (list 1 2 3))))))\n"
    "(while (< heard 5) (range 10 ()))\n"
    "(every-tick ())\n"
    "(print 'heard (< 4 heard) (< (- heard 1) (ticks)))\n"
    "(define big (range 30 ()))\n"
    "(< (used) 90)\n";
