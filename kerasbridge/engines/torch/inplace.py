"""`a += b` in a custom step: `a` becomes a new tensor, as on JAX and TensorFlow."""

import sys
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from kerasbridge.runtime.user_frames import is_user_frame

_TENSOR = torch.Tensor
_OUT_OF_PLACE = {
    _TENSOR.add_: _TENSOR.add,
    _TENSOR.sub_: _TENSOR.sub,
    _TENSOR.mul_: _TENSOR.mul,
    _TENSOR.div_: _TENSOR.div,
    _TENSOR.floor_divide_: _TENSOR.floor_divide,
    _TENSOR.remainder_: _TENSOR.remainder,
    _TENSOR.pow_: _TENSOR.pow,
    _TENSOR.__ipow__: _TENSOR.pow,
    _TENSOR.__iand__: _TENSOR.__and__,
    _TENSOR.__ior__: _TENSOR.__or__,
    _TENSOR.__ixor__: _TENSOR.__xor__,
    _TENSOR.__ilshift__: _TENSOR.__lshift__,
    _TENSOR.__irshift__: _TENSOR.__rshift__,
}


class FunctionalizeInplace(TorchFunctionMode):  # type: ignore[misc]
    """Replaces torch's operators that write in place, such as `a += b`, in the user's code only."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function, or its out-of-place counterpart if the user's code called it."""
        instead = _OUT_OF_PLACE.get(function)
        if instead is not None and is_user_frame(sys._getframe(1)):
            function = instead
        return function(*args, **(kwargs or {}))
