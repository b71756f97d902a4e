"""The .safetensors format, which sorts the tensors by name; the package safetensors checks the header."""

import sys

import numpy as np

from kerasbridge.errors import PackageNotInstalled
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter, natural_sort_key
from kerasbridge.importers.pytorch.dtypes import decode_bfloat16
from kerasbridge.importers.source_file import SourceFile

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?", "BF16": "<u2",
}  # fmt: skip


def matches(file: SourceFile) -> bool:
    """Return whether it begins with the size of a header and the header."""
    head = file.head
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= 100_000_000


def read(file: SourceFile) -> list[Parameter]:
    """Return the tensors, sorted naturally by name.

    Raises:
        ValueError: the file is invalid; the message is a phrase that follows "FILE is".
        PackageNotInstalled: the package safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, deserialize
    except ImportError as error:
        raise PackageNotInstalled.needed("A .safetensors file needs", "safetensors", "legacy", error) from error
    try:
        tensors = deserialize(file.content)
    except SafetensorError as error:
        raise ValueError(f"damaged or cut short, according to safetensors: {' '.join(str(error).split())}") from error
    parameters = [Parameter(name, _to_array(name, tensor)) for name, tensor in tensors]
    return sorted(parameters, key=lambda parameter: natural_sort_key(parameter.name))


def _to_array(name: str, tensor: dict[str, object]) -> Array:
    dtype, shape, data = str(tensor["dtype"]), tensor["shape"], tensor["data"]
    if dtype not in _DTYPES:
        raise ValueError(f"a file whose tensor {name} has numbers of type {dtype}, which NumPy does not have")
    array: Array = np.frombuffer(data, _DTYPES[dtype]).reshape(shape)  # type: ignore[call-overload]
    if dtype == "BF16":
        return decode_bfloat16(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False) if sys.byteorder == "big" else array
