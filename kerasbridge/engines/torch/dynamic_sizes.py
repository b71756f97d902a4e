"""Operations whose result has a size that depends on the data: a trace would keep the size of its first batch."""

from typing import Any

import torch

_INTERNAL_SIZE = (torch.ops.aten._ctc_loss.default, torch.ops.aten._ctc_loss.Tensor)
"""Operations whose result of variable size is read by their own gradient only."""

_BY_MASK = (torch.bool, torch.uint8)


class DynamicSizeError(Exception):
    """A tensor has a size that depends on the data."""


def is_dynamic(function: Any, args: tuple[Any, ...]) -> bool:
    """Return whether the result of an operation has a size that depends on the values of its arguments."""
    if torch.Tag.dynamic_output_shape not in getattr(function, "tags", ()) or function in _INTERNAL_SIZE:
        return False
    if function is torch.ops.aten.index.Tensor:
        return any(isinstance(index, torch.Tensor) and index.dtype in _BY_MASK for index in args[1])
    return True


def name_of(function: Any) -> str:
    """Return the name of an operation as users write it: "unique" for aten._unique2."""
    if function is torch.ops.aten.index.Tensor:
        return "a boolean mask"
    return str(function).split(".")[1].removeprefix("linalg_").strip("_").rstrip("0123456789")
