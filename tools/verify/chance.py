"""The chance that two sides which fail alike differ as they do."""

from math import comb


def fisher(c_failed, c_runs, rust_failed, rust_runs):
    """The chance of as many failures on the Rust side, or more, if both sides fail alike (one-sided
    Fisher test).
    """
    runs, failed = c_runs + rust_runs, c_failed + rust_failed
    most = min(failed, rust_runs)
    ways = sum(comb(rust_runs, k) * comb(c_runs, failed - k) for k in range(rust_failed, most + 1))
    return ways / comb(runs, failed)
