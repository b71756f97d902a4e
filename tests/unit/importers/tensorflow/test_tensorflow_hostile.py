"""Small TensorFlow graphs that would never end, or fill the memory."""

import time

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError

pytest.importorskip("google.protobuf", reason="TensorFlow files are protobuf messages")

from kerasbridge.importers.tensorflow.schema import message_class


@pytest.fixture(autouse=True)
def in_a_few_seconds():
    started = time.process_time()
    yield
    assert time.process_time() - started < 15


class Graph:
    """A graph with the placeholder x of 784 numbers."""

    def __init__(self):
        self.message = message_class("GraphDef")()
        shape = {"shape": {"dim": [{"size": -1}, {"size": 784}]}}
        self.node("x", "Placeholder", dtype={"type": 1}, shape=shape)

    def node(self, name, op, *inputs, **options):
        node = self.message.node.add(name=name, op=op, input=inputs)
        for key, value in options.items():
            node.attr.add(key=key).value.CopyFrom(message_class("AttrValue")(**value))
        return name

    def chain(self, op, count, first="x"):
        """Add operations in a row; return the last."""
        for number in range(count):
            first = self.node(f"{op}{number}", op, first)
        return first

    def repeated(self, name, *sizes):
        """Add a constant of one number that is repeated."""
        shape = {"dim": [{"size": size} for size in sizes]}
        return self.node(name, "Const", value={"tensor": {"dtype": 1, "tensor_shape": shape, "float_val": [1.0]}})

    def function(self, name, callee, calls):
        """Add a function that calls another."""
        function, value = self.message.library.function.add(), "a"
        function.signature.name = name
        function.signature.input_arg.add(name="a")
        function.signature.output_arg.add(name="y")
        for number in range(calls):
            node = function.node_def.add(name=f"c{number}", op="PartitionedCall", input=[value])
            node.attr.add(key="f").value.func.name = callee
            value = f"c{number}:output:0"
        function.ret.add(key="y", value=value)

    def error(self, path):
        path.write_bytes(self.message.SerializeToString())
        with pytest.raises(LegacyFileError) as caught:
            str(kb.inspect_legacy(path))
        assert str(caught.value).startswith(str(path))
        assert len(str(caught.value)) < 6_000
        return str(caught.value)


@pytest.fixture
def graph():
    return Graph()


@pytest.mark.parametrize("op", ["Square", "Pow", "AddV2"])
def test_sizes_of_images_are_no_numbers_without_bound(graph, tmp_path, op):
    value = graph.node("shape", "Shape", "x")
    for number in range(100):
        value = graph.node(f"n{number}", op, *(value,) * (1 if op == "Square" else 2))
    graph.node("y", "Reshape", "x", value)
    message = graph.error(tmp_path / "a.pb")
    assert "a size that no array has" in message or "a power of a size of images" in message


@pytest.mark.parametrize("callee", ["f0", "f1"])
def test_functions_that_call_functions_twice_are_counted(graph, tmp_path, callee):
    for number in range(40):
        graph.function(f"f{number}", callee if callee == "f0" else f"f{number + 1}", 2)
    graph.node("y", "PartitionedCall", "x", f={"func": {"name": "f0"}})
    message = graph.error(tmp_path / "a.pb")
    assert "than a valid file of its size" in message or "call each other without an end" in message


def test_repeated_constants_draw_from_one_budget(graph, tmp_path):
    value = graph.repeated("c", 6000, 6000)
    for number in range(20):
        value = graph.node(f"m{number}", "Mul", value, graph.repeated(f"c{number}", 6000, 6000))
    graph.node("y", "MatMul", "x", value)
    assert "than a file of its size can" in graph.error(tmp_path / "a.pb")


def test_products_of_constants_are_counted(graph, tmp_path):
    value = graph.repeated("c", 3000, 3000)
    for number in range(6):
        value = graph.node(f"m{number}", "MatMul", value, "c")
    graph.node("y", "MatMul", "x", value)
    assert "than a valid file of its size" in graph.error(tmp_path / "a.pb")


@pytest.mark.parametrize("op", ["Foo", "ArgMax"])
def test_a_chain_of_many_nodes_ends(graph, tmp_path, op):
    graph.chain(op, 10_000)
    graph.error(tmp_path / "a.pb")


@pytest.mark.parametrize("op", ["Relu", "Identity"])
def test_a_chain_of_a_few_thousand_nodes_is_read(graph, tmp_path, op):
    graph.node("last", "Relu", graph.chain(op, 3000))
    (tmp_path / "a.pb").write_bytes(graph.message.SerializeToString())
    assert len(kb.inspect_legacy(tmp_path / "a.pb").converted) == (3001 if op == "Relu" else 1)


def test_nodes_that_return_each_other_are_refused(graph, tmp_path):
    graph.node("a", "Identity", "b")
    graph.node("b", "Identity", "a")
    graph.node("y", "MatMul", "x", "a")
    graph.error(tmp_path / "a.pb")


def test_long_names_are_cut(graph, tmp_path):
    for number in range(300):
        graph.node("n" * 20_000 + str(number), "Foo", "x")
    assert "letters" in graph.error(tmp_path / "a.pb")


def test_numbers_of_shapes_are_computed_as_before(graph, tmp_path):
    sizes = graph.node("shape", "Shape", "x")
    one = {"tensor": {"dtype": 3, "tensor_shape": {"dim": [{"size": 1}]}, "int_val": [1]}}
    graph.node("one", "Const", value=one)
    two = {"tensor": {"dtype": 3, "tensor_shape": {"dim": [{"size": 1}]}, "int_val": [2]}}
    graph.node("two", "Const", value=two)
    graph.node("features", "StridedSlice", sizes, "one", "two", "one")
    graph.node("half", "FloorDiv", "features", "two")
    graph.node(
        "minus", "Const", value={"tensor": {"dtype": 3, "tensor_shape": {"dim": [{"size": 1}]}, "int_val": [-1]}}
    )
    graph.node("axis", "Const", value={"tensor": {"dtype": 3, "tensor_shape": {}, "int_val": [0]}})
    graph.node("wanted", "ConcatV2", "minus", "two", "half", "axis")
    graph.node("y", "Reshape", "x", "wanted")
    (tmp_path / "a.pb").write_bytes(graph.message.SerializeToString())
    assert kb.inspect_legacy(tmp_path / "a.pb").outputs == ("y",)
    assert np.prod((2, 392)) == 784
