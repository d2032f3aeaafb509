"""Comparisons of networks: studies over seeds, and robustness."""
