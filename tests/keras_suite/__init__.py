"""The tests of Keras, run with `fit`, `evaluate` and `predict` of kerasbridge; see plugin.py."""
