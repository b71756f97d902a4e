"""StableHLO by `jax.export`, with symbols for the sizes that are open."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving
from kerasbridge.exporters.signatures import Signature

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_stablehlo(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """One serialized `jax.export.ExportResult`, for every platform that JAX has."""
    del batch
    try:
        exported = _exported(model, signature, alike=False)
    except Exception:  # where inputs of one length meet, JAX asks that their symbol be one
        exported = _exported(model, signature, alike=True)
    path.write_bytes(exported.serialize())


def _exported(model: Any, signature: Signature, alike: bool) -> Any:
    scope = export.SymbolicScope()
    arguments = []
    for place, spec in enumerate(signature.inputs):
        axes = [_size(axis, size, "" if alike else f"{place}_") for axis, size in enumerate(spec.shape)]
        shape = export.symbolic_shape(",".join(axes), scope=scope)
        arguments.append(jax.ShapeDtypeStruct(shape, jnp.dtype(jax.dtypes.canonicalize_dtype(spec.dtype))))
    return export.export(jax.jit(serving(model, signature)), platforms=PLATFORMS)(*arguments)


def _size(axis: int, size: int | None, of: str) -> str:
    if size is not None:
        return str(size)
    return f"size_{of}{axis}" if axis else "batch"
