"""A clock for decisions: the processor time of this thread, which hardly depends on what else the machine does."""

import time

FINE = 1e-4
"""Seconds: a coarser clock cannot time a step."""

clock = time.thread_time if time.get_clock_info("thread_time").resolution < FINE else time.perf_counter
