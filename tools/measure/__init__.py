"""Measures sizes, instructions, times and memory, with the C and with mpgc."""
