"""Synthetic data: every subject and record is a function of a seed and an index; nothing real is in it."""
