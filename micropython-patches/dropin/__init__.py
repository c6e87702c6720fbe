"""The checks of check_dropin.py, by subject."""
