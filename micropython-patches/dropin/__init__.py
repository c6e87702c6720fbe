"""The checks of check_dropin.py, by what they look at."""
