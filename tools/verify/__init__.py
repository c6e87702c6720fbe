"""Runs checks: each ends with a count of what passed and failed, or with an error."""
