"""Converters of Keras 1 and Keras 2 layers, in modules named after the folders of `keras/src/layers`.

A module registers its functions with `converts`; all modules are imported here.
"""

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.keras_files.layers.base import LAYERS as LAYERS

import_modules(__name__)
