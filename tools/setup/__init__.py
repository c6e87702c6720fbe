"""Finds and installs what the tasks need: packages, compilers, emulators, MicroPython trees."""
