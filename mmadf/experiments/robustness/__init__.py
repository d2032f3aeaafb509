"""Robustness tests: accuracy and calibration under attacks and corruptions."""
