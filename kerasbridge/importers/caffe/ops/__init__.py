"""Converters of Caffe layers: one module for each type of layer, or for types that share code.

A module registers its function with `converts`; all modules are imported here.
"""

from kerasbridge.importers.caffe.ops.base import OPERATIONS as OPERATIONS
from kerasbridge.importers.caffe.ops.base import MissingWeights as MissingWeights
from kerasbridge.importers.ir.registry import import_modules

import_modules(__name__)

REPLACED = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
"""Losses, and the layer that each of them applies to its first blob."""

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
"""Layers that only evaluate or write blobs."""
