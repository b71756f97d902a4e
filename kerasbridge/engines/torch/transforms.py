"""Function transforms of torch, for which operations of our own have no rules."""

import torch
from torch.autograd import forward_ad


def is_transformed() -> bool:
    """Return whether a function transform, such as `torch.vmap` or forward mode, surrounds the call."""
    return torch._C._functorch.maybe_current_level() is not None or forward_ad._current_level >= 0
