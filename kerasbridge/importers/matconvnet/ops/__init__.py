"""Converters of MatConvNet layers: one module for each type of layer, or for types that share code.

SimpleNN has short names of types, DagNN has class names; some classes are from mcnExtraLayers, which imported networks
need. A module registers its function with `converts`; all modules are imported here.
"""

import re

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.matconvnet.ops.base import OPERATIONS as OPERATIONS
from kerasbridge.importers.matconvnet.ops.base import Steps as Steps
from kerasbridge.importers.matconvnet.ops.base import str_option as str_option
from kerasbridge.importers.matconvnet.ops.batch_normalization import moments_of as moments_of

import_modules(__name__)

REPLACED = {"softmaxloss": "Softmax", "dagnn.SoftMaxLoss": "Softmax"}
"""Losses, and the layer that each of them applies to its first input."""


def is_loss(kind: str) -> bool:
    """Return whether the name of a type is that of a loss or metric, of MatConvNet or user-defined."""
    return bool(re.search("loss|error|accuracy", kind, re.IGNORECASE)) and kind not in REPLACED
