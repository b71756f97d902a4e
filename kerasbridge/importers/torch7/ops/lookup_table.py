"""LookupTable."""

import numpy as np

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.embedding import Embedding
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("LookupTable", takes=lambda _: (None, None))
def lookup_table(module: Module, info: InputInfo) -> list[Operation]:
    """Convert LookupTable; indices count from 1, so a row of zeros is prepended."""
    weight = module.weight("weight")
    if weight.ndim != 2:
        raise Unsupported(f"has a weight of shape {weight.shape}")
    return [Embedding(np.concatenate([np.zeros_like(weight[:1]), weight]))]
