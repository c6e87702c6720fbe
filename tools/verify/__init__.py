"""Runs checks. Each ends with the numbers that passed and failed, or with an error."""
