"""Names of layers, derived from the scopes in the names of nodes."""

import re
from collections.abc import Iterable, Sequence

from kerasbridge.importers.tensorflow.graphdef import Node

_MAIN_OPS = {
    "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul", "BatchMatMul", "BatchMatMulV2",
    "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "MaxPool", "AvgPool", "GatherV2", "ResourceGather",
}  # fmt: skip
"""The main operations of layers, after whose scopes the layers are named."""

_TENSORFLOW_SCOPES = {
    "convolution",
    "depthwise",
    "separable_conv2d",
    "conv2d_transpose",
    "tensordot",
    "batchnorm",
    "embedding_lookup",
}
"""Scopes that TensorFlow itself adds within the scope of a layer."""


def layer_name(node: Node) -> str:
    """Return the scope of the main operation of a layer, "conv1" for "conv1/Conv2D"; for other nodes their name."""
    parts = node.name.split("/")
    if node.op not in _MAIN_OPS:
        return node.name
    removed = ""
    while len(parts) > 1 and _is_tensorflow_scope(parts[-1], node.op, removed):
        removed = _without_number(parts.pop())
    return "/".join(parts)


def _is_tensorflow_scope(part: str, op: str, removed: str) -> bool:
    """Return whether part of a name comes from TensorFlow: the operation, or a scope other than the one inside it."""
    plain = _without_number(part)
    return (plain in (op, "Conv1D") and not removed) or (plain.lower() in _TENSORFLOW_SCOPES and plain != removed)


def _without_number(part: str) -> str:
    return re.sub(r"_\d+$", "", part)


def common_scope(names: Iterable[str]) -> str:
    """Return the scopes that all names begin with, such as that of the model, with a "/" at the end."""
    scopes: Sequence[Sequence[str]] = [name.split("/")[:-1] for name in names]
    if not scopes:
        return ""
    shared = []
    for parts in zip(*scopes, strict=False):
        if len({*parts}) > 1:
            break
        shared.append(parts[0])
    return "".join(f"{part}/" for part in shared)
