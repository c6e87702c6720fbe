"""The probability that two sides with the same failure rate differ as much as they did."""

from math import comb


def fisher(c_failed, c_runs, rust_failed, rust_runs):
    """The probability of at least as many failures on the Rust side if both sides have the same
    failure rate (one-sided Fisher test).
    """
    runs, failed = c_runs + rust_runs, c_failed + rust_failed
    most = min(failed, rust_runs)
    ways = sum(comb(rust_runs, k) * comb(c_runs, failed - k) for k in range(rust_failed, most + 1))
    return ways / comb(runs, failed)
