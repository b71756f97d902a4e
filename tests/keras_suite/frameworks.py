"""Import packages that tests on other backends use, before kerasbridge hides packages that are not imported.

torch is first: the Keras test suite reports crashes if it is imported after TensorFlow.
"""

import importlib.util

for _name in ("torch", "tensorflow"):
    if importlib.util.find_spec(_name):
        importlib.import_module(_name)
