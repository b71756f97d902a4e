"""Keras's own tests, run with kerasbridge in the place of `fit`, `evaluate` and `predict`; see plugin.py."""
