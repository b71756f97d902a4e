"""Benchmarks of kerasbridge against stock Keras and plain scripts, as ratios."""
