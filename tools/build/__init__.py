"""Builds the unix port, firmware, the library for C programs, and mpgc-heap."""
