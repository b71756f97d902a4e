"""Masked time steps: the others are moved to the front, and each output is that of the latest of them."""

from typing import NamedTuple

import torch

from kerasbridge.engines.step import Tensor


class Mask(NamedTuple):
    """A mask (time, batch).

    Attributes:
        used: which time steps are used.
        order: the time steps of each sequence, those used first.
        count: how many have been used at each time step.
    """

    used: Tensor
    order: Tensor
    count: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> "Mask":
        """Return the mask with what follows from it."""
        used = mask.to(torch.bool)
        return cls(used, torch.argsort(~used, dim=0, stable=True), torch.cumsum(used, 0))

    def last_step(self) -> "Mask":
        """Return the mask of the last time step only."""
        return self._replace(used=self.used[-1:], count=self.count[-1:])

    def to_front(self, x: Tensor) -> Tensor:
        """Return a sequence (time, batch, features) with the used time steps first."""
        return _rows(x, self.order)

    def outputs(self, values: Tensor, zero: bool) -> Tensor:
        """Return the output of each time step, given those of the used ones: before the first one it is zero.

        Args:
            values: the outputs of the used time steps, at the front.
            zero: whether the output of a time step that is not used is zero, instead of the latest one.
        """
        outputs = _rows(torch.cat([torch.zeros_like(values[:1]), values]), self.count)
        return torch.where(self.used.unsqueeze(-1), outputs, 0) if zero else outputs

    def last(self, values: Tensor, first: Tensor) -> Tensor:
        """Return the last value of a state, which is the first one where no time step is used."""
        count = self.count[-1:]
        last = _rows(values, torch.clamp(count - 1, min=0)).squeeze(0)
        return torch.where(count.squeeze(0).unsqueeze(-1) > 0, last, first)


def _rows(x: Tensor, index: Tensor) -> Tensor:
    """Return ``x[index[t, b], b]`` for each t and b; one index for both is faster than `gather`."""
    batch = x.shape[1]
    flat = index * batch + torch.arange(batch, device=x.device)
    return x.flatten(0, 1).index_select(0, flat.flatten()).view(*index.shape, -1)
