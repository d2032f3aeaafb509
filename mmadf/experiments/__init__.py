"""Experiments: studies of several networks over seeds, and robustness tests."""
