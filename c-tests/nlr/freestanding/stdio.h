// The part of the C library that main.c uses, for a machine whose C library no package has.
#pragma once

#include <stddef.h>

int printf(const char *format, ...);
