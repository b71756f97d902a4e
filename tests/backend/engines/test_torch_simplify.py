"""A traced graph loses operations whose result exists already, and is called by torch's own Python functions."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, mlp

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.engines.torch import tracing
from kerasbridge.engines.torch.bit_masks import select_by_bits
from kerasbridge.engines.torch.codegen import compile_graph
from kerasbridge.engines.torch.passes import drop_aliases, fold_constants
from kerasbridge.engines.torch.recorder import record
from kerasbridge.engines.torch.simplify import remove_redundant


def simplified(function, *inputs, state=0):
    """Return the names of the operations that are left, and the function they compute; the first results are state."""
    graph, attributes = record(function, *(each.clone() for each in inputs))
    outputs = next(iter(graph.find_nodes(op="output"))).args[0]
    drop_aliases(graph)
    constants = fold_constants(graph, attributes, outputs[:state])
    remove_redundant(graph, outputs[:state])
    names = [str(node.target).split(".")[1] for node in graph.nodes if node.op == "call_function"]
    program = compile_graph(graph)
    return names, lambda *given: program(*given, *constants)


@pytest.mark.parametrize(
    ("function", "left"),
    [
        (lambda x: (x * 1 + x.expand(2, 3).view(2, 3).clone() + x.to(torch.float32, copy=True),), ["add", "add"]),
        (lambda x: (x * 1.0 + (x * True),), ["mul", "mul", "add"]),  # of other dtypes, they could change it
        (lambda x: (x + torch.ones_like(x) * 3 + x.new_full((), 2.0),), ["add", "add"]),
        (lambda x: (x.exp() + x.exp() + x.sin(),), ["exp", "add", "sin", "add"]),
        (lambda x: ((x * 0.0) / (x * -0.0), (x * 2) - (x * 2.0)), ["mul", "mul", "div", "mul", "mul", "sub"]),
        (lambda x: (x + torch.rand(2, 3) - torch.rand(2, 3),), ["rand", "add", "rand", "sub"]),
        (lambda x: (x.t().expand(3, 2) + x.t(),), ["t", "add"]),
    ],
)
def test_an_operation_is_left_out_where_its_result_exists(function, left):
    x = torch.arange(6.0).view(2, 3)
    if "rand" not in left:
        names, program = simplified(function, x)
        for actual, expected in zip(program(x), function(x), strict=True):
            np.testing.assert_array_equal(actual, expected)
    else:
        names, _ = simplified(function, x)
    assert names == left


def test_what_is_written_in_place_is_computed_each_time():
    def compute(x):
        total = x * 1
        before = total.exp()
        total.add_(1)
        ones = torch.ones_like(x)
        ones.mul_(x)
        return total, before, total.exp(), ones

    x = torch.arange(3.0)
    names, program = simplified(compute, x)
    assert names == ["mul", "exp", "add_", "ones_like", "mul_", "exp"]
    for _ in range(2):
        for actual, expected in zip(program(x.clone()), compute(x), strict=True):
            assert torch.equal(actual, expected)


def test_values_of_the_next_state_are_apart_from_each_other_from_inputs_and_from_constants():
    def step(x):
        return x + 1, x + 1, x * 1, torch.zeros_like(x), x + 1

    x = torch.ones(3)
    names, program = simplified(step, x, state=4)
    assert sorted(names) == ["add", "add", "mul", "zeros_like"]
    first, second, third, fourth, _ = program(x)
    for each in (first, second, third, fourth):
        each.add_(5)  # as the next step may do
    assert [each[0].item() for each in (x, first, second, third, fourth)] == [1, 7, 7, 6, 5]
    assert program(x)[3].tolist() == [0, 0, 0]


def test_a_large_selection_from_zero_is_made_by_bits_and_gives_the_same():
    def compute(x, keep):
        zero = torch.zeros(())
        first = torch.where(keep, x, zero)
        return (
            first,
            torch.where(keep, first + x, zero),
            torch.where(keep, x, -zero),
            torch.where(keep[:2], x[:2], zero),
        )

    x, keep = torch.randn(40, 30), torch.rand(40, 30) < 0.5
    x[:, :5] = torch.tensor([float("nan"), -0.0, 0.0, float("inf"), -float("inf")])
    given = (x, keep)
    graph, attributes = record(compute, *(each.clone() for each in given))
    constants = fold_constants(graph, attributes)
    inputs = graph.find_nodes(op="placeholder")[2:]
    select_by_bits(graph, dict(zip(inputs, constants, strict=True)))
    names = [str(node.target).split(".")[1] for node in graph.nodes if node.op == "call_function"]
    assert names.count("where") == 2  # of -0.0, and the small one
    assert (names.count("bitwise_and"), names.count("neg")) == (2, 1)
    results = compile_graph(graph)(*given, *constants)
    for actual, expected in zip(results, compute(*given), strict=True):
        assert actual.dtype == torch.float32
        np.testing.assert_array_equal(actual.view(torch.int32), expected.view(torch.int32))


class Names(TorchDispatchMode):
    """Records the operations that are called."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


MODELS = {name: (case.build, case.arrays(32)) for name, case in CASES.items()}
MODELS["momentum and clipping"] = (
    lambda: mlp(optimizer=keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.1)),
    CASES["MLP"].arrays(32),
)


@pytest.mark.parametrize("name", MODELS)
def test_a_replay_calls_exactly_the_operations_of_its_graph(name, monkeypatch):
    programs = []

    def compiled(graph):
        expected = [str(node.target) for node in graph.nodes if isinstance(node.target, torch._ops.OpOverload)]
        program = compile_graph(graph)

        def checked(*inputs):
            with Names() as called:
                outputs = program(*inputs)
            programs.append((expected, called.names))
            return outputs

        return checked

    monkeypatch.setattr(tracing, "compile_graph", compiled)
    monkeypatch.setattr("kerasbridge.engines.torch.codegen.guards_of", lambda graph: {})
    build, (x, y) = MODELS[name]
    assert kb.fit(build(), x, y, 8, verbose=0).params["execution"] == "traced"
    assert programs
    for expected, called in programs:
        assert called == expected
