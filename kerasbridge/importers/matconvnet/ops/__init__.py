"""Each layer of MatConvNet's as the operations it is; SimpleNN's by short names, DagNN's by classes."""

import re
from collections.abc import Callable, Sequence

from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.matconvnet.ops import plain, weighted
from kerasbridge.importers.matconvnet.ops.base import Steps as Steps
from kerasbridge.importers.matconvnet.ops.base import word as word
from kerasbridge.importers.matconvnet.ops.weighted import moments_of as moments_of
from kerasbridge.importers.matconvnet.parser import Layer

OPERATIONS: dict[str, Callable[[Layer, Sequence[Shape]], Steps]] = {
    "bnorm": weighted.batch_normalization,
    "conv": weighted.convolution,
    "convt": weighted.deconvolution,
    "dropout": plain.dropout,
    "lrn": plain.lrn,
    "normalize": plain.lrn,
    "pool": plain.pooling,
    "relu": plain.relu,
    "sigmoid": plain.sigmoid,
    "softmax": plain.softmax,
    "softmaxloss": plain.softmax,
    "spnorm": plain.spatial_norm,
    "dagnn.BatchNorm": weighted.batch_normalization,
    "dagnn.Concat": plain.concat,
    "dagnn.Conv": weighted.convolution,
    "dagnn.ConvTranspose": weighted.deconvolution,
    "dagnn.Crop": plain.crop,
    "dagnn.DropOut": plain.dropout,
    "dagnn.Flatten": plain.flatten,
    "dagnn.GlobalPooling": plain.global_pooling,
    "dagnn.LRN": plain.lrn,
    "dagnn.Max": plain.largest,
    "dagnn.Permute": plain.permute,
    "dagnn.Pooling": plain.pooling,
    "dagnn.ReLU": plain.relu,
    "dagnn.Reshape": plain.reshape,
    "dagnn.Scale": weighted.scale,
    "dagnn.Sigmoid": plain.sigmoid,
    "dagnn.SoftMax": plain.softmax,
    "dagnn.SoftMaxLoss": plain.softmax,
    "dagnn.SpatialNorm": plain.spatial_norm,
    "dagnn.Sum": plain.total,
}

REPLACED = {"softmaxloss": "Softmax", "dagnn.SoftMaxLoss": "Softmax"}
"""Losses, and what they apply to their first input."""


def judges(kind: str) -> bool:
    """Return whether a type is that of a loss or an error, MatConvNet's or one's own, by its name."""
    return bool(re.search("loss|error|accuracy", kind, re.IGNORECASE)) and kind not in REPLACED
