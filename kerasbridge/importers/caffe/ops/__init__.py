"""Each layer of Caffe's as the operations it is, one after the other; none for those that only pass a blob on."""

from collections.abc import Callable

from kerasbridge.importers.caffe.ops import plain, weighted
from kerasbridge.importers.caffe.ops.base import MissingWeights as MissingWeights
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops import Activation, Operation

OPERATIONS: dict[str, Callable[[Layer], list[Operation]]] = {
    "AbsVal": lambda _: [Activation("absolute")],
    "ArgMax": plain.argmax,
    "BNLL": lambda _: [Activation("softplus")],
    "BatchNorm": weighted.batch_norm,
    "Bias": weighted.bias,
    "Clip": plain.clip,
    "Concat": plain.concat,
    "Convolution": weighted.convolution,
    "ConvolutionDepthwise": weighted.convolution,
    "Crop": plain.crop,
    "Deconvolution": weighted.deconvolution,
    "DepthwiseConvolution": weighted.convolution,
    "Dropout": plain.dropout,
    "ELU": plain.elu,
    "Eltwise": plain.eltwise,
    "Embed": weighted.embed,
    "Exp": plain.exp,
    "Flatten": plain.flatten,
    "InnerProduct": weighted.inner_product,
    "LRN": plain.lrn,
    "Log": plain.log,
    "MVN": plain.mvn,
    "PReLU": weighted.prelu,
    "Permute": plain.permute,
    "Pooling": plain.pooling,
    "Power": plain.power,
    "ReLU": plain.relu,
    "Reduction": plain.reduction,
    "Reshape": plain.reshape,
    "Scale": weighted.scale,
    "Sigmoid": lambda _: [Activation("sigmoid")],
    "SigmoidCrossEntropyLoss": lambda _: [Activation("sigmoid")],
    "Slice": plain.slicing,
    "Softmax": plain.softmax,
    "SoftmaxWithLoss": plain.softmax,
    "Swish": plain.swish,
    "TanH": lambda _: [Activation("tanh")],
    "Threshold": plain.threshold,
    "Tile": plain.tile,
}

REPLACED = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
"""Losses, and what they apply to their first blob."""

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
"""What judges or writes down blobs, and changes none."""
