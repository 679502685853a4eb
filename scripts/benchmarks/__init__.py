"""Benchmarks: the figures of ``docs/benchmarks.md``, measured beside the original of 2016."""
