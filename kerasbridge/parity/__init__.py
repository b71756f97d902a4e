"""Holding backends beside each other: `kb.compare` over a training run, `kb.diagnose` over one step of it.

A process can hold one backend. What a person calls (`comparing.py`, `diagnosing.py`) therefore starts a child for
each, gives it a job, and judges the records that come back; it loads neither Keras nor a framework.
"""
