"""Comparison of backends: `kb.compare` over a training run, `kb.diagnose` over a single training step.

A process can load one backend only. The functions that users call (`compare.py`, `diagnose.py`) therefore start a child
process for each backend, pass it a job and compare the files that the children write; they load neither Keras nor a
framework. Modules whose docstring begins with "Child side" run in the children.
"""
