"""StableHLO by `jax.export`, with symbolic sizes for dynamic axes."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving_function
from kerasbridge.exporters.signatures import Signature

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_stablehlo(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write a serialized `jax.export.Exported` for every JAX platform."""
    del batch
    try:
        exported = _export(model, signature, shared_symbols=False)
    except Exception:  # JAX requires one symbol for inputs that must have the same length
        exported = _export(model, signature, shared_symbols=True)
    path.write_bytes(exported.serialize())


def _export(model: Any, signature: Signature, shared_symbols: bool) -> Any:
    scope = export.SymbolicScope()
    arguments = []
    for i, spec in enumerate(signature.inputs):
        axes = [_symbol(axis, size, "" if shared_symbols else f"{i}_") for axis, size in enumerate(spec.shape)]
        shape = export.symbolic_shape(",".join(axes), scope=scope)
        arguments.append(jax.ShapeDtypeStruct(shape, jnp.dtype(jax.dtypes.canonicalize_dtype(spec.dtype))))
    return export.export(jax.jit(serving_function(model, signature)), platforms=PLATFORMS)(*arguments)


def _symbol(axis: int, size: int | None, prefix: str) -> str:
    if size is not None:
        return str(size)
    return f"size_{prefix}{axis}" if axis else "batch"
