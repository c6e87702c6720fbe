// A program for the Lisp, and the memory that it needs in words, the same on each machine.

#ifndef PROGRAM_H
#define PROGRAM_H

extern const char lisp_program[];

#define LISP_HEAP_WORDS 2560
#define LISP_LIFO_WORDS 160

#endif
