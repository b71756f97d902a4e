"""Loops of JAX whose bodies may write variables, such as the counter of a seed generator: they are carried along.

`keras.ops.map`, `scan`, `fori_loop`, `while_loop` and the recurrent layers of Keras call these four functions of JAX. A
value that a body assigned to a variable would leave the loop as a tracer.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax

from kerasbridge.engines.jax.cond import cond
from kerasbridge.engines.stateless import NestedStatelessScope, assign_all, patched_cond, unique, value_of
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.keras_compat.tensors import current_scope
from kerasbridge.runtime.context import context_value

Body = Callable[..., tuple[Any, Any]]
"""A function of what a loop carries, and inputs, that returns what it carries on, and outputs."""

_in_rnn: ContextVar[bool] = ContextVar("in_rnn", default=False)
"""Whether the next scan is that of a recurrent layer."""


@contextlib.contextmanager
def writing_control_flow() -> Iterator[None]:
    """Let the branches of `keras.ops.cond`, and the bodies of loops, assign to variables in this thread."""
    with (
        patched_cond(cond),
        patched(jax.lax, "scan", _scan),
        patched(jax.lax, "map", _map),
        patched(jax.lax, "fori_loop", _fori_loop),
        patched(jax.lax, "while_loop", _while_loop),
        patched(private_api("functions of the backend"), "rnn", _rnn),
    ):
        yield


def _rnn(original: Any, *arguments: Any, **options: Any) -> Any:
    with context_value(_in_rnn, True):
        return original(*arguments, **options)


def _scan(original: Any, f: Any, init: Any, xs: Any = None, *arguments: Any, **options: Any) -> Any:
    in_rnn = _in_rnn.get()

    def loop(body: Body, carry: Any, _: Any) -> Any:
        return original(body, carry, xs, *arguments, **options)

    def call_once() -> None:
        if in_rnn:  # as Keras does on TensorFlow and torch, to find the shape of the output
            f(init, jax.tree.map(lambda leaf: leaf[0], xs))

    with context_value(_in_rnn, False):
        return _run(f, init, loop, call_once)


def _map(original: Any, f: Any, xs: Any, **options: Any) -> Any:
    if options:  # in batches
        return original(f, xs, **options)
    return _run(lambda carry, x: (carry, f(x)), (), lambda body, carry, _: jax.lax.scan(body, carry, xs))[1]


def _fori_loop(original: Any, lower: Any, upper: Any, body_fun: Any, init_val: Any, **options: Any) -> Any:
    def loop(body: Body, carry: Any, _: Any) -> tuple[Any, None]:
        return original(lower, upper, lambda index, carry: body(carry, index)[0], carry, **options), None

    return _run(lambda carry, index: (body_fun(index, carry), None), init_val, loop)[0]


def _while_loop(original: Any, cond_fun: Any, body_fun: Any, init_val: Any) -> Any:
    def loop(body: Body, carry: Any, own: Callable[[Any], Any]) -> tuple[Any, None]:
        return original(lambda carry: cond_fun(own(carry)), lambda carry: body(carry)[0], carry), None

    return _run(lambda carry: (body_fun(carry), None), init_val, loop)[0]


def _run(
    body: Body,
    carry: Any,
    loop: Callable[[Body, Any, Callable[[Any], Any]], Any],
    before_writing: Callable[[], None] = lambda: None,
) -> Any:
    """Run a loop; if its body assigns to variables, again with their values in what it carries.

    Args:
        body: the body of the user.
        carry: what it is called with first.
        loop: a function of a body, what it is called with, and a function that returns the part of `body` in that.
        before_writing: called before a loop whose body assigns to variables.
    """
    written: list[Any] = []

    def watched(carry: Any, *inputs: Any) -> tuple[Any, Any]:
        below = current_scope()
        with writing_control_flow(), NestedStatelessScope(()) as scope:
            result = body(carry, *inputs)
        written.extend(variable for variable, _ in scope.writes())
        for loss in scope.losses if below is not None else ():
            below.add_loss(loss)
        return result

    result = loop(watched, carry, lambda carry: carry)
    if not written:
        return result
    variables = unique([written])
    before_writing()

    def carrying(carry: Any, *inputs: Any) -> tuple[Any, Any]:
        own, values = carry
        with writing_control_flow(), NestedStatelessScope(zip(variables, values, strict=True)):
            own, outputs = body(own, *inputs)
            return (own, [value_of(variable) for variable in variables]), outputs

    (carry, values), outputs = loop(carrying, (carry, [value_of(each) for each in variables]), lambda carry: carry[0])
    assign_all(variables, values)
    return carry, outputs
