"""Loops over the time steps of recurrent cells as torch operations: a traced step contains one, not its time steps.

Each computes on the products of all inputs with the kernel, (time, batch, gates * units). The factors by which the
backward loop multiplies the gradient of a state are computed for many time steps at once, and the products for the
weights for all of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.recurrent.activations import ACTIVATIONS

_LSTM = 2
"""The number of LSTM among torch's kinds of recurrent layers."""

_LIBRARY = torch.library.Library("kerasbridge", "FRAGMENT")


def _lstm(
    x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, activation: str, gate: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return all h and c, the first ones included, and for the backward pass the gates and the activation of c."""
    time, batch, width = x.shape
    units, kept = width // 4, time if keep else 1
    act, act_gate = ACTIVATIONS[activation], ACTIVATIONS[gate]
    hs, cs = _states(h, time), _states(c, time)
    gates, acts = x.new_empty(kept, batch, width), x.new_empty(kept, batch, units)
    input_forget, new, out = gates.split([2 * units, units, units], 2)
    for x_t, h_t, h_next, c_t, c_next, gates_t, input_forget_t, new_t, out_t, act_t in zip(
        x.unbind(), hs[:-1].unbind(), hs[1:].unbind(), cs[:-1].unbind(), cs[1:].unbind(),
        *(_steps(part, time) for part in (gates, input_forget, new, out, acts)), strict=True,
    ):  # fmt: skip
        torch.addmm(x_t, h_t, kernel, out=gates_t)
        act_gate.overwrite(input_forget_t)
        act.overwrite(new_t)
        act_gate.overwrite(out_t)
        torch.mul(input_forget_t[:, units:], c_t, out=c_next)
        c_next.addcmul_(input_forget_t[:, :units], new_t)
        act.overwrite(act_t.copy_(c_next))
        torch.mul(out_t, act_t, out=h_next)
    return hs, cs, gates, acts


def _lstm_backward(
    d_hs: Tensor | None,
    d_cs: Tensor | None,
    d_h: Tensor | None,
    d_c: Tensor | None,
    hs: Tensor,
    cs: Tensor,
    gates: Tensor,
    acts: Tensor,
    kernel: Tensor,
    activation: str,
    gate: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, h, c and the kernel."""
    backward, gate_backward = ACTIVATIONS[activation].backward, ACTIVATIONS[gate].backward
    time, batch, width = gates.shape
    into, forget, new, out = gates.view(time, batch, 4, -1).unbind(2)
    to_c = backward(out, acts, torch.empty_like(acts))
    d_x = gates.new_empty(time, batch, 4, width // 4)
    gate_backward(new, into, d_x[:, :, 0])
    gate_backward(cs[:-1], forget, d_x[:, :, 1])
    backward(into, new, d_x[:, :, 2])
    gate_backward(acts, out, d_x[:, :, 3])
    d_states, kernel_t = _state_gradients(d_hs, d_h, hs), kernel.t()
    d_c = torch.zeros_like(cs[0]) if d_c is None else d_c.clone()
    d_each_c = [None] * time if d_cs is None else _reversed(d_cs)
    for d_t, d_before, d_output, d_c_t, d_x_t, d_c_parts_t, d_out_t, to_c_t, forget_t in zip(
        *_backwards(d_states, d_hs), d_each_c,
        *map(_reversed, (d_x.flatten(2), d_x[:, :, :3], d_x[:, :, 3], to_c, forget)), strict=True,
    ):  # fmt: skip
        if d_c_t is not None:
            d_c.add_(d_c_t)
        d_c.addcmul_(d_t, to_c_t)
        d_c_parts_t.mul_(d_c.unsqueeze(1))
        d_out_t.mul_(d_t)
        _propagate(d_before, d_output, d_x_t, kernel_t)
        d_c.mul_(forget_t)
    d_x = d_x.flatten(2)
    return d_x, d_states[0].clone(), d_c, _transposed_product(hs[:-1], d_x)


def _gru(
    x: Tensor, h: Tensor, kernel: Tensor, bias: Tensor, activation: str, gate: str, keep: bool
) -> tuple[Tensor, Tensor]:
    """Return all h, the first one included, and for the backward pass the parts of each time step.

    The parts are the product of h with the kernel for the candidate, the update gate, the reset gate and the candidate.
    """
    time, batch, width = x.shape
    units = width // 3
    act, act_gate = ACTIVATIONS[activation], ACTIVATIONS[gate]
    hs, parts = _states(h, time), x.new_empty(time if keep else 0, batch, 4 * units)
    kernel, bias = _candidate_first(kernel), _candidate_first(bias)
    work = x.new_empty(batch, 4 * units)  # the parts of one time step: its memory stays in the cache
    product, update, reset, candidate = work.chunk(4, 1)
    products, gates = work[:, : 3 * units], work[:, units : 3 * units]
    states = hs.unbind()
    for t, (x_gates, x_candidate) in enumerate(
        zip(x[:, :, : 2 * units].unbind(), x[:, :, 2 * units :].unbind(), strict=True)
    ):
        torch.addmm(bias, states[t], kernel, out=products)
        act_gate.overwrite(gates.add_(x_gates))
        act.overwrite(torch.addcmul(x_candidate, reset, product, out=candidate))
        torch.lerp(candidate, states[t], update, out=states[t + 1])
        if keep:
            parts[t] = work
    return hs, parts


def _gru_backward(
    d_hs: Tensor | None, d_h: Tensor | None, hs: Tensor, parts: Tensor, kernel: Tensor, activation: str, gate: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of the product for the candidate and of x, in one tensor, of h, the kernel and the bias."""
    backward, gate_backward = ACTIVATIONS[activation].backward, ACTIVATIONS[gate].backward
    time, batch, width = parts.shape
    units = width // 4
    d_parts, kernel_t = torch.empty_like(parts), _candidate_first(kernel).t()
    d_states = _state_gradients(d_hs, d_h, hs)
    steps = list(zip(*_backwards(d_states, d_hs), strict=True))
    for stop in range(time, 0, -_at_once(batch * units)):
        start = max(0, stop - _at_once(batch * units))
        product, update, reset, candidate = parts[start:stop].view(-1, batch, 4, units).unbind(2)
        d = d_parts[start:stop].view(-1, batch, 4, units)
        d_product, d_update, d_reset, d_candidate = d.unbind(2)
        backward(1 - update, candidate, d_candidate)
        torch.mul(d_candidate, reset, out=d_product)
        gate_backward(hs[start:stop] - candidate, update, d_update)
        gate_backward(d_candidate * product, reset, d_reset)
        for (d_t, d_before, d_output), d_parts_t, d_products_t, update_t in zip(
            steps[time - stop : time - start],
            *map(_reversed, (d, d_parts[start:stop, :, : 3 * units], update)), strict=True,
        ):  # fmt: skip
            d_parts_t.mul_(d_t.unsqueeze(1))
            _propagate(d_before, d_output, d_products_t, kernel_t)
            d_before.addcmul_(d_t, update_t)
    d_products = d_parts[:, :, : 3 * units].flatten(0, 1)
    d_kernel = hs[:-1].flatten(0, 1).t() @ d_products
    return d_parts, d_states[0].clone(), *map(_candidate_last, (d_kernel, d_products.sum(0)))


def _candidate_first(weights: Tensor) -> Tensor:
    """Return weights for the update gate, the reset gate and the candidate with those of the candidate first."""
    return weights.roll(weights.shape[-1] // 3, -1)


def _candidate_last(weights: Tensor) -> Tensor:
    return weights.roll(-weights.shape[-1] // 3, -1)


def _at_once(numbers: int) -> int:
    """Return the number of time steps whose parts, of so many numbers each, stay in the cache."""
    return max(1, 2**15 // numbers)


def _simple(x: Tensor, h: Tensor, kernel: Tensor, activation: str) -> Tensor:
    """Return all h, the first one included."""
    hs = _states(h, len(x))
    for x_t, h_t, h_next in zip(x.unbind(), hs[:-1].unbind(), hs[1:].unbind(), strict=True):
        ACTIVATIONS[activation].overwrite(torch.addmm(x_t, h_t, kernel, out=h_next))
    return hs


def _simple_backward(
    d_hs: Tensor | None, d_h: Tensor | None, hs: Tensor, kernel: Tensor, activation: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, h and the kernel."""
    d_x = torch.empty_like(hs[1:])
    d_states, kernel_t = _state_gradients(d_hs, d_h, hs), kernel.t()
    backward = ACTIVATIONS[activation].backward
    for d_t, d_before, d_output, h_t, d_x_t in zip(
        *_backwards(d_states, d_hs), *map(_reversed, (hs[1:], d_x)), strict=True
    ):
        _propagate(d_before, d_output, backward(d_t, h_t, d_x_t), kernel_t)
    return d_x, d_states[0].clone(), _transposed_product(hs[:-1], d_x)


def _onednn_lstm(
    x: Tensor, h: Tensor, c: Tensor, weights: Sequence[Tensor], keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return all h but the first one, the last h and c, and what oneDNN needs for the backward pass."""
    inputs = [tensor.detach() for tensor in (x, *weights, h, c)]
    with torch.set_grad_enabled(keep):  # torch keeps it only where gradients are recorded
        hs, last_h, last_c, kept = torch.ops.aten.mkldnn_rnn_layer(
            *inputs, False, [], _LSTM, h.shape[1], 1, True, False, False, keep
        )
    return hs, last_h, last_c, x.new_empty(0) if kept is None else kept


def _onednn_lstm_backward(
    d_hs: Tensor | None,
    d_h: Tensor | None,
    d_c: Tensor | None,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weights: Sequence[Tensor],
    hs: Tensor,
    last_h: Tensor,
    last_c: Tensor,
    kept: Tensor,
) -> tuple[Tensor, ...]:
    """Return the gradients of x, the two kernels, the two biases, h and c."""
    gradients: tuple[Tensor, ...] = torch.ops.aten.mkldnn_rnn_layer_backward(
        x, *weights, h, c, hs, last_h, last_c, d_hs, d_h, d_c,
        False, _LSTM, h.shape[1], 1, True, True, False, [], False, kept,
    )  # fmt: skip
    return gradients


def _states(first: Tensor, time: int) -> Tensor:
    """Return memory for the states before and after each time step, with the first one in it."""
    states = first.new_empty(time + 1, *first.shape)
    states[0] = first
    return states


def _steps(part: Tensor, time: int) -> Sequence[Tensor]:
    """Return the part of each time step; the same memory for all of them if it is not kept."""
    return part.unbind() if len(part) == time else [part[0]] * time


def _reversed(part: Tensor) -> list[Tensor]:
    return list(part.unbind())[::-1]


def _state_gradients(d_hs: Tensor | None, d_h: Tensor | None, hs: Tensor) -> Tensor:
    """Return memory for the gradients of all states, with that of the last one in it."""
    gradients = torch.empty_like(hs)
    last = torch.zeros_like(hs[0]) if d_h is None else d_h
    gradients[-1] = last if d_hs is None else last + d_hs[-1]
    return gradients


def _backwards(d_states: Tensor, d_hs: Tensor | None) -> tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Any]]:
    """Return the gradients of the state after each time step, of that before it, and of that one as an output."""
    d_outputs = [None] * (len(d_states) - 1) if d_hs is None else [*_reversed(d_hs[:-1]), None]
    return _reversed(d_states[1:]), _reversed(d_states[:-1]), d_outputs


def _propagate(d_before: Tensor, d_output: Tensor | None, d_gates: Tensor, kernel_t: Tensor) -> None:
    """Write the gradient of a state: through the gates of the next time step, and of the output that it is."""
    if d_output is None:
        torch.mm(d_gates, kernel_t, out=d_before)
    else:
        torch.addmm(d_output, d_gates, kernel_t, out=d_before)


def _transposed_product(one: Tensor, other: Tensor) -> Tensor:
    return one.flatten(0, 1).t() @ other.flatten(0, 1)


def _operation(name: str, schema: str, function: Callable[..., Any]) -> Any:
    _LIBRARY.define(f"{name}{schema}")
    _LIBRARY.impl(name, function, "CPU")
    return getattr(torch.ops.kerasbridge, name)


lstm = _operation(
    "lstm",
    "(Tensor x, Tensor h, Tensor c, Tensor kernel, str activation, str gate, bool keep)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    _lstm,
)
lstm_backward = _operation(
    "lstm_backward",
    "(Tensor? d_hs, Tensor? d_cs, Tensor? d_h, Tensor? d_c, Tensor hs, Tensor cs, Tensor gates, Tensor acts,"
    " Tensor kernel, str activation, str gate) -> (Tensor, Tensor, Tensor, Tensor)",
    _lstm_backward,
)
gru = _operation(
    "gru",
    "(Tensor x, Tensor h, Tensor kernel, Tensor bias, str activation, str gate, bool keep) -> (Tensor, Tensor)",
    _gru,
)
gru_backward = _operation(
    "gru_backward",
    "(Tensor? d_hs, Tensor? d_h, Tensor hs, Tensor parts, Tensor kernel, str activation, str gate)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    _gru_backward,
)
simple_rnn = _operation("simple_rnn", "(Tensor x, Tensor h, Tensor kernel, str activation) -> Tensor", _simple)
simple_rnn_backward = _operation(
    "simple_rnn_backward",
    "(Tensor? d_hs, Tensor? d_h, Tensor hs, Tensor kernel, str activation) -> (Tensor, Tensor, Tensor)",
    _simple_backward,
)
onednn_lstm = _operation(
    "onednn_lstm",
    "(Tensor x, Tensor h, Tensor c, Tensor[] weights, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
    _onednn_lstm,
)
onednn_lstm_backward = _operation(
    "onednn_lstm_backward",
    "(Tensor? d_hs, Tensor? d_h, Tensor? d_c, Tensor x, Tensor h, Tensor c, Tensor[] weights, Tensor hs, Tensor last_h,"
    " Tensor last_c, Tensor kept) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    _onednn_lstm_backward,
)
