"""Normalize."""

import math

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.l2_normalize import L2Normalize
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Normalize")
def normalize(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Normalize: rows of a p-norm of 1."""
    norm = module.number("p")
    if not 0 < norm < math.inf:
        raise Unsupported(f"has a p of {norm:g}")
    return [L2Normalize(norm, module.number("eps", 1e-10))]
