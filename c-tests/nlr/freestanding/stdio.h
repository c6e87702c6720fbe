// As much of the C library as main.c takes, for a machine whose C library no package has.
#pragma once

#include <stddef.h>

int printf(const char *format, ...);
