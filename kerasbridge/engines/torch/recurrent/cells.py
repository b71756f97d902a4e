"""Recurrent cells: how each runs over a sequence, its gradients, and the same in operations that can be differentiated.

A sequence is (time, batch, features). A cell takes the sequence, its weights and first states, and returns, for each
state, all its values and the last one.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.recurrent import loops
from kerasbridge.engines.torch.recurrent.activations import ACTIVATIONS

Tensors = Sequence[Any]


@dataclass(frozen=True)
class Cell(abc.ABC):
    """A cell by the names of its activations."""

    activation: str
    gate: str

    @abc.abstractmethod
    def run(self, inputs: Tensors, keep: bool) -> tuple[Tensors, Tensors]:
        """Return the values of the states, and the tensors that `gradients` needs if `keep`."""

    @abc.abstractmethod
    def gradients(self, inputs: Tensors, kept: Tensors, d_outputs: Tensors, needs_d_x: bool) -> Tensors:
        """Return the gradients of the inputs; a gradient of an output may be None."""

    @abc.abstractmethod
    def step(self, weights: Tensors, x: Tensor, states: Tensors) -> Tensors:
        """Return the states after one time step, of which `x` is the product with the kernel."""

    def unrolled(self, inputs: Tensors) -> Tensors:
        """Return what `run` returns, in a loop of operations that can be differentiated any number of times."""
        x, kernel, bias, *weights = inputs[: -self.states]
        states = inputs[-self.states :]
        values = []
        for x_t in (x @ kernel + bias).unbind():
            states = self.step(weights, x_t, states)
            values.append(states)
        return [part for state in zip(*values, strict=True) for part in (torch.stack(state), state[-1])]

    @property
    def states(self) -> int:
        """The number of states."""
        return 1


class LSTM(Cell):
    """(x, kernel, bias, recurrent kernel, h, c) -> (hs, last h, cs, last c)."""

    states = 2

    def run(self, inputs: Tensors, keep: bool) -> tuple[Tensors, Tensors]:
        x, kernel, bias, recurrent, h, c = inputs
        kept = loops.lstm(_project(x, kernel, bias), h, c, recurrent, self.activation, self.gate, keep)
        return _values(*kept[:2]), kept

    def gradients(self, inputs: Tensors, kept: Tensors, d_outputs: Tensors, needs_d_x: bool) -> Tensors:
        x, kernel, _, recurrent, _, _ = inputs
        d_hs, d_h, d_cs, d_c = d_outputs
        d, d_h, d_c, d_recurrent = loops.lstm_backward(
            d_hs, d_cs, d_h, d_c, *kept, recurrent, self.activation, self.gate
        )
        return *_project_gradients(x, kernel, d, needs_d_x), d_recurrent, d_h, d_c

    def step(self, weights: Tensors, x: Tensor, states: Tensors) -> Tensors:
        act, gate = ACTIVATIONS[self.activation].compute, ACTIVATIONS[self.gate].compute
        into, forget, new, out = (x + states[0] @ weights[0]).chunk(4, -1)
        c = gate(forget) * states[1] + gate(into) * act(new)
        return gate(out) * act(c), c


class OneDnnLSTM(LSTM):
    """An LSTM with tanh and sigmoid by oneDNN, in float32: it returns no cs other than the last one."""

    def run(self, inputs: Tensors, keep: bool) -> tuple[Tensors, Tensors]:
        x, kernel, bias, recurrent, h, c = inputs
        weights = kernel.t().contiguous(), recurrent.t().contiguous(), bias, torch.zeros_like(bias)
        hs, last_h, last_c, workspace = loops.onednn_lstm(x, h, c, weights, keep)
        return (hs, last_h, None, last_c), (*weights, hs, last_h, last_c, workspace)

    def gradients(self, inputs: Tensors, kept: Tensors, d_outputs: Tensors, needs_d_x: bool) -> Tensors:
        d_hs, d_h, _, d_c = d_outputs
        d_x, d_kernel, d_recurrent, d_bias, _, d_h, d_c = loops.onednn_lstm_backward(
            d_hs, d_h, d_c, inputs[0], *inputs[-2:], kept[:4], *kept[4:]
        )
        return d_x, d_kernel.t(), d_bias, d_recurrent.t(), d_h, d_c

    def unrolled(self, inputs: Tensors) -> Tensors:
        hs, h, _, c = super().unrolled(inputs)
        return hs, h, None, c


class GRU(Cell):
    """(x, kernel, bias, recurrent kernel, recurrent bias, h) -> (hs, last h), with the reset after the product."""

    def run(self, inputs: Tensors, keep: bool) -> tuple[Tensors, Tensors]:
        x, kernel, bias, recurrent, recurrent_bias, h = inputs
        kept = loops.gru(_project(x, kernel, bias), h, recurrent, recurrent_bias, self.activation, self.gate, keep)
        return _values(kept[0]), kept

    def gradients(self, inputs: Tensors, kept: Tensors, d_outputs: Tensors, needs_d_x: bool) -> Tensors:
        x, kernel, _, recurrent, *_ = inputs
        d, d_h, *d_recurrent = loops.gru_backward(*d_outputs, *kept, recurrent, self.activation, self.gate)
        d = d[:, :, recurrent.shape[0] :]
        return *_project_gradients(x, kernel, d, needs_d_x), *d_recurrent, d_h

    def step(self, weights: Tensors, x: Tensor, states: Tensors) -> Tensors:
        act, gate = ACTIVATIONS[self.activation].compute, ACTIVATIONS[self.gate].compute
        recurrent, bias = weights
        x_update, x_reset, x_new = x.chunk(3, -1)
        update, reset, new = (states[0] @ recurrent + bias).chunk(3, -1)
        update = gate(x_update + update)
        return (update * states[0] + (1 - update) * act(x_new + gate(x_reset + reset) * new),)


class SimpleRNN(Cell):
    """(x, kernel, bias, recurrent kernel, h) -> (hs, last h)."""

    def run(self, inputs: Tensors, keep: bool) -> tuple[Tensors, Tensors]:
        x, kernel, bias, recurrent, h = inputs
        hs = loops.simple_rnn(_project(x, kernel, bias), h, recurrent, self.activation)
        return _values(hs), (hs,)

    def gradients(self, inputs: Tensors, kept: Tensors, d_outputs: Tensors, needs_d_x: bool) -> Tensors:
        x, kernel, _, recurrent, _ = inputs
        d, d_h, d_recurrent = loops.simple_rnn_backward(*d_outputs, *kept, recurrent, self.activation)
        return *_project_gradients(x, kernel, d, needs_d_x), d_recurrent, d_h

    def step(self, weights: Tensors, x: Tensor, states: Tensors) -> Tensors:
        return (ACTIVATIONS[self.activation].compute(x + states[0] @ weights[0]),)


def run_cell(cell: Cell, inputs: Tensors) -> Tensors:
    """Run a cell over a sequence; return all values and the last one of each state."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        outputs: Tensors = _Differentiable.apply(cell, *inputs)
        return outputs
    return cell.run(inputs, keep=False)[0]


class _Differentiable(torch.autograd.Function):  # type: ignore[misc]
    """A cell with its gradients; what is differentiated again is computed again, unrolled."""

    @staticmethod
    def forward(ctx: Any, cell: Cell, *inputs: Any) -> Any:
        """Run the cell."""
        outputs, kept = cell.run(inputs, keep=True)
        ctx.set_materialize_grads(False)
        ctx.cell, ctx.inputs = cell, len(inputs)
        ctx.save_for_backward(*inputs, *kept)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *d_outputs: Any) -> Any:
        """Return the gradients of the inputs."""
        inputs, kept = ctx.saved_tensors[: ctx.inputs], ctx.saved_tensors[ctx.inputs :]
        if torch.is_grad_enabled():
            return None, *_unrolled_gradients(ctx.cell, inputs, d_outputs)
        return None, *ctx.cell.gradients(inputs, kept, d_outputs, ctx.needs_input_grad[1])


def _unrolled_gradients(cell: Cell, inputs: Tensors, d_outputs: Tensors) -> Tensors:
    views = [tensor.view_as(tensor) for tensor in inputs]  # one tensor may be several inputs
    outputs = cell.unrolled(views)
    used = [k for k, gradient in enumerate(d_outputs) if gradient is not None]
    wanted = [k for k, view in enumerate(views) if view.requires_grad]
    gradients = torch.autograd.grad(
        [outputs[k] for k in used], [views[k] for k in wanted], [d_outputs[k] for k in used],
        create_graph=True, allow_unused=True,
    )  # fmt: skip
    found = dict(zip(wanted, gradients, strict=True))
    return [found.get(k) for k in range(len(views))]


def _project(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return torch.addmm(bias, x.flatten(0, 1), kernel).view(*x.shape[:2], -1)


def _project_gradients(x: Tensor, kernel: Tensor, d: Tensor, needs_d_x: bool) -> Tensors:
    d_x = (d.flatten(0, 1) @ kernel.t()).view(x.shape) if needs_d_x else None
    return d_x, x.flatten(0, 1).t() @ d.flatten(0, 1), d.sum((0, 1))


def _values(*states: Tensor) -> Tensors:
    """Return the values after each time step, and the last ones as tensors of their own."""
    return [part for state in states for part in (state[1:], state[-1].clone())]
