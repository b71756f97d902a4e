"""Replaying a traced step on torch is cheaper and bit-identical."""

import logging

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch

from kerasbridge.engines.torch import tracing
from kerasbridge.engines.torch.codegen import compile_graph
from kerasbridge.engines.torch.dead_branches import guards_of
from kerasbridge.engines.torch.passes import drop_aliases, fold_constants, mutated_nodes, reuse_memory
from kerasbridge.engines.torch.recorder import ForbidValues, ValueNeededError, record

X = np.random.default_rng(0).random((96, 6)).astype("float32")
Y = np.arange(96) % 3


def traced(function, *inputs):
    graph, attributes = record(lambda *given: as_tuple(function(*given)), *inputs)
    drop_aliases(graph)
    return graph, fold_constants(graph, attributes)


def as_tuple(outputs):
    return tuple(outputs) if isinstance(outputs, (list, tuple)) else (outputs,)


def targets(graph):
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


def test_only_values_of_constants_may_be_read_before_it_is_known_whether_a_step_can_be_traced():
    x = torch.ones(())
    with ForbidValues():
        count = torch.tensor(0)
        while count < torch.tensor(3):
            count += 1
        assert int(count) == 3
        for value in (x, x + 1, torch.zeros(()).add_(x), torch.rand(()), torch.zeros(()) + x):
            with pytest.raises(ValueNeededError, match="data-dependent"):
                float(value)


def test_values_independent_of_the_input_are_computed_once():
    graph, constants = traced(lambda x: x + torch.arange(3.0) * 2, torch.zeros(3))
    assert targets(graph) == ["aten.add.Tensor"]
    assert constants[0].tolist() == [0, 2, 4]


def test_a_tensor_that_is_written_later_is_not_a_constant():
    def count(x):
        counter = torch.zeros(3)
        counter[1:].add_(x)
        return counter

    graph, constants = traced(count, torch.ones(2))
    program = compile_graph(graph)
    for _ in range(2):
        assert program(torch.ones(2), *constants)[0].tolist() == [0, 1, 1]


def test_the_value_of_a_constant_may_be_read_and_that_of_an_input_may_not():
    def scaled(x):
        factor = torch.tensor(2.0)
        factor.add_(1)
        return x * factor.item()

    graph, constants = traced(scaled, torch.ones(2))
    assert compile_graph(graph)(torch.full((2,), 2.0), *constants)[0].tolist() == [6, 6]
    with pytest.raises(ValueNeededError, match="_local_scalar_dense"):
        traced(lambda x: x * x.sum().item(), torch.ones(2))


def test_an_operation_with_several_results_and_one_without_any_are_replayed():
    def compute(x):
        values, places = torch.sort(x)
        torch._foreach_mul_([values], 2)
        return values, places

    graph, constants = traced(compute, torch.tensor([3.0, 1.0]))
    values, places = compile_graph(graph)(torch.tensor([5.0, 4.0]), *constants)
    assert (values.tolist(), places.tolist()) == ([8, 10], [1, 0])


def test_a_tensor_that_outlives_the_recording_is_a_constant_of_the_next():
    kept = []

    def keep(x):
        kept.append(x + 1)
        return x

    traced(keep, torch.ones(2))
    graph, constants = traced(lambda x: x * kept[0], torch.ones(2))
    assert targets(graph) == ["aten.mul.Tensor"]
    assert constants[0].tolist() == [2, 2]


def test_random_numbers_of_the_framework_are_drawn_again():
    graph, constants = traced(lambda x: x + torch.rand(1000), torch.zeros(1000))
    program = compile_graph(graph)
    assert not torch.equal(program(torch.zeros(1000), *constants)[0], program(torch.zeros(1000), *constants)[0])


def test_an_operation_writes_over_a_temporary_only_where_nothing_reads_it_later():
    def compute(x):
        a = x * 2
        b = a + 1
        c = b.sqrt()
        return c, a

    graph, _ = traced(compute, torch.ones(4))
    reuse_memory(graph)
    assert targets(graph) == ["aten.mul.Tensor", "aten.add.Tensor", "aten.sqrt_.default"]


def test_inputs_and_views_are_never_written_over():
    def compute(x):
        whole = x * 3
        half = whole[:2]
        return half + 1, x + 1, whole

    graph, _ = traced(compute, torch.ones(4))
    reuse_memory(graph)
    assert not [target for target in targets(graph) if "_." in target]


def test_an_operation_whose_first_operand_is_a_number_is_left_as_it_is():
    graph, _ = traced(lambda x: torch.div(127, x * 2), torch.ones(4))
    reuse_memory(graph)
    assert targets(graph) == ["aten.mul.Tensor", "aten.div.Tensor"]


def test_a_list_operation_reads_no_operand_that_it_has_just_written():
    def compute(x, y):
        a, b = x * 2, y * 2
        return tuple(torch._foreach_mul([a, b], [b, a]))

    graph, constants = traced(compute, torch.ones(2), torch.full((2,), 3.0))
    reuse_memory(graph)
    program = compile_graph(graph)
    results = program(torch.ones(2), torch.full((2,), 3.0), *constants)
    assert [result.tolist() for result in results] == [[12, 12], [12, 12]]


def test_views_of_a_written_input_count_as_written():
    graph, _ = traced(lambda x: x[0].add_(1), torch.zeros(2, 2))
    (placeholder,) = [node for node in graph.nodes if node.op == "placeholder"]
    assert placeholder in mutated_nodes(graph)


def compiled(function, *inputs):
    graph, constants = traced(function, *inputs)
    reuse_memory(graph)
    program = compile_graph(graph)
    return graph, lambda *given: program(*given, *constants)


def branching(flag, inner, x):
    """Write in place to a copy, in nested conditionals, with a tensor that only the other branch needs."""
    outer, within = flag.all(), inner.all()
    total = x.clone()
    for _ in range(6):
        torch._foreach_add_([total], [x])
    nested = torch.where(within, total.exp().sin().cos().tan(), total * 2)
    return torch.where(outer, nested, x.log().log1p().abs().sqrt()), x * 3


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_only_the_chosen_side_is_computed_and_gives_the_same(flag, inner):
    given = torch.tensor([flag]), torch.tensor([inner]), torch.full((3,), 1.5)
    graph, program = compiled(branching, *given)
    guarded = {str(node.target): guards for node, guards in guards_of(graph).items()}
    assert [wanted for _, wanted in guarded["aten._foreach_add_.List"]] == [True]
    assert [wanted for _, wanted in guarded["aten.tan.default"]] == [True, True]
    assert [wanted for _, wanted in guarded["aten.log1p.default"]] == [False]
    assert "aten.mul.Tensor" not in guarded or len(guarded["aten.mul.Tensor"]) == 2
    for actual, expected in zip(program(*given), branching(*given), strict=True):
        assert torch.equal(actual, expected)


def test_a_chosen_tensor_that_is_written_later_is_a_copy():
    def compute(flag, x):
        condition = flag.all()
        chosen = torch.where(condition, x.exp().sin().cos().tan().abs(), x)
        chosen.add_(1)
        return (chosen,)

    _, program = compiled(compute, torch.tensor([False]), torch.ones(3))
    x = torch.ones(3)
    assert program(torch.tensor([False]), x)[0].tolist() == [2, 2, 2]
    assert x.tolist() == [1, 1, 1]


def test_a_choice_that_widens_a_side_is_left_as_it_is():
    def compute(flag, x):
        condition = flag.all()
        return (torch.where(condition, x.sum().exp().sin().cos().tan().abs(), x.double()),)

    given = torch.tensor([True]), torch.ones(3)
    graph, program = compiled(compute, *given)
    assert not guards_of(graph)
    assert torch.equal(program(*given)[0], compute(*given)[0])


def test_reusing_memory_changes_no_bit(monkeypatch):
    plain, reused = fitted(monkeypatch, reuse=False), fitted(monkeypatch, reuse=True)
    assert all(np.array_equal(a, b) for a, b in zip(plain, reused, strict=True))


def test_a_step_that_reads_a_tensor_into_numpy_is_not_frozen_at_its_first_value(caplog):
    def on_host(expected, predicted):
        """A loss whose weight is a NumPy number."""
        return float(keras.ops.convert_to_numpy(predicted[0, 0])) * keras.ops.mean(predicted - expected)

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile("sgd", on_host)
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        params = kb.fit(model, X, np.zeros((96, 3)), epochs=2, verbose=0).params
    assert params["execution"] == "eager"
    assert "NumPy" in params["execution_reason"]
    assert len([record for record in caplog.records if "ran eagerly" in record.getMessage()]) == 1


def test_a_variable_assigned_anothers_value_does_not_follow_its_updates():
    model = Remembering()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    kb.fit(model, np.ones((4, 1), "float32"), np.zeros((4, 1), "float32"), batch_size=1, shuffle=False, verbose=0)
    assert model.history.params["execution"] == "traced"
    before, weight = (float(variable.numpy()) for variable in (model.before, model.weight))
    assert before != weight


def test_an_error_inside_a_block_leaves_the_variables_as_of_the_block_before(monkeypatch):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    kb.fit(model, X, np.zeros((96, 3)), verbose=0)
    before = model.get_weights(), model.optimizer.iterations.numpy()
    monkeypatch.setattr(tracing.TracedStep, "step_with_logs", out_of_memory)
    with pytest.raises(MemoryError):
        kb.fit(model, X, np.zeros((96, 3)), verbose=0, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before[0], strict=True))
    assert model.optimizer.iterations.numpy() == before[1]


def out_of_memory(self, state, data, row):
    self.step(state, data, row)
    raise MemoryError


class Remembering(keras.Model):
    """A model that stores the weight from before the step."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(), initializer="ones", name="weight")
        self.before = self.add_weight(shape=(), initializer="zeros", trainable=False, name="before")

    def call(self, x):
        self.before.assign(self.weight.value.detach())
        return x * self.weight


def fitted(monkeypatch, reuse):
    if not reuse:
        monkeypatch.setattr(tracing, "reuse_memory", lambda graph: None)
    with kb.seed_everything(0):
        model = keras.Sequential(
            [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(3)]
        )
    model.compile(
        keras.optimizers.AdamW(0.01, clipnorm=1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    kb.fit(model, X, Y, batch_size=8, epochs=3, seed=1, verbose=0)
    monkeypatch.undo()
    return model.get_weights()
