"""Runs programs, and reports errors."""

import subprocess


class Stop(Exception):
    """What is wrong and how to fix it."""


def run(command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, **options
    )


def first_error(text):
    lines = text.strip().splitlines() or ["no message"]
    return next((line for line in lines if "error" in line), lines[0])
