"""Benchmarks: each figure is a ratio of two measurements from one run on one machine."""
