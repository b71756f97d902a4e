"""Names of layers, after the scopes that TensorFlow's users and layers make."""

import re
from collections.abc import Iterable, Sequence

from kerasbridge.importers.tensorflow.graphdef import Node

_MAIN_OPS = {
    "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul", "BatchMatMul", "BatchMatMulV2",
    "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "MaxPool", "AvgPool", "GatherV2", "ResourceGather",
}  # fmt: skip
"""What a scope of a layer is named for."""

_TENSORFLOW_SCOPES = {
    "convolution",
    "depthwise",
    "separable_conv2d",
    "conv2d_transpose",
    "tensordot",
    "batchnorm",
    "embedding_lookup",
}
"""Scopes that TensorFlow makes itself, inside of a layer's."""


def layer_name(node: Node) -> str:
    """ "conv1" for "conv1/Conv2D": the scope of what a layer is made for, of other nodes the whole name."""
    parts = node.name.split("/")
    if node.op not in _MAIN_OPS:
        return node.name
    gone = ""
    while len(parts) > 1 and _is_tensorflow_scope(parts[-1], node.op, gone):
        gone = _without_number(parts.pop())
    return "/".join(parts)


def _is_tensorflow_scope(part: str, op: str, gone: str) -> bool:
    """Return whether part of a name comes from TensorFlow: the operation, or a scope other than the one inside it."""
    plain = _without_number(part)
    return (plain in (op, "Conv1D") and not gone) or (plain.lower() in _TENSORFLOW_SCOPES and plain != gone)


def _without_number(part: str) -> str:
    return re.sub(r"_\d+$", "", part)


def common_scope(names: Iterable[str]) -> str:
    """The scopes that all names begin with, such as a model's, with the "/" behind them."""
    scopes: Sequence[Sequence[str]] = [name.split("/")[:-1] for name in names]
    if not scopes:
        return ""
    shared = []
    for parts in zip(*scopes, strict=False):
        if len({*parts}) > 1:
            break
        shared.append(parts[0])
    return "".join(f"{part}/" for part in shared)
