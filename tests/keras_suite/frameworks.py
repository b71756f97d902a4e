"""Imports what tests on another backend take data from, before kerasbridge hides what is not imported.

torch comes first: Keras's own suite knows of crashes when it comes after TensorFlow.
"""

import importlib.util

for _name in ("torch", "tensorflow"):
    if importlib.util.find_spec(_name):
        importlib.import_module(_name)
