// CircuitPython's headers for boards refuse an old compiler like this.
#if __GNUC__ < CIRCUITPY_MIN_GCC_VERSION
#error "this compiler is too old"
#endif
