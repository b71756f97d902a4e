"""Converters of Caffe layers: one module for each type of layer, or for types that share code.

A module registers its function with `converts`; all modules are imported here.
"""

from kerasbridge.importers.caffe.ops.base import OPERATIONS as OPERATIONS
from kerasbridge.importers.caffe.ops.base import MissingWeights as MissingWeights
from kerasbridge.importers.ir.registry import import_modules

import_modules(__name__)

REPLACED = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
"""Losses, and the function that they apply to their first blob."""

LOSSES = frozenset(
    {
        "Accuracy",
        "ContrastiveLoss",
        "EuclideanLoss",
        "HDF5Output",
        "HingeLoss",
        "InfogainLoss",
        "MultinomialLogisticLoss",
    }
)
"""Layers that measure or write blobs, and change none."""
