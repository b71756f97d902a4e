"""Torch7 networks before they are built: their inputs, and the parts that cannot be converted."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.torch7.containers import CONTAINERS
from kerasbridge.importers.torch7.infer_inputs import CONTAINER_RULES
from kerasbridge.importers.torch7.ops import IDENTITIES, OPERATIONS
from kerasbridge.importers.torch7.ops.base import INPUT_RULES, KEEPS_CHANNELS
from tests.importers.torch7_files import longs, nn, save, tensor
from tests.legacy_errors import load_error


def conv(channels, filters, size=3):
    weight = np.ones((filters, channels, size, size), np.float32)
    return nn(
        "SpatialConvolution", nInputPlane=channels, nOutputPlane=filters, kW=size, kH=size, dW=1, dH=1, weight=weight
    )


def linear(features, units=2):
    return nn("Linear", weight=np.ones((units, features), np.float32))


def net(*parts, **fields):
    return nn("Sequential", *parts, **fields)


def pool(kind="SpatialMaxPooling", **fields):
    return nn(kind, **{"kW": 2, "kH": 2, "dW": 2, "dH": 2, **fields})


def last_input(*sizes):
    """Return the gradInput of a network, with the shape of its last input."""
    return {"gradInput": tensor(np.zeros(sizes, np.float32))}


def report(tmp_path, value, **options):
    return kb.inspect_legacy(save(tmp_path / "net.t7", value), **options)


def load_net_error(tmp_path, value, **options):
    sentence = load_error(save(tmp_path / "net.t7", value), **options)
    assert "net.t7" in sentence
    return sentence


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (net(conv(3, 4), nn("ReLU")), (3, None, None)),
        (net(nn("SpatialZeroPadding", pad_l=1), nn("MulConstant", constant_scalar=2), conv(5, 4)), (5, None, None)),
        (net(nn("Identity"), nn("Concat", nn("Tanh"), conv(6, 6, 1), dimension=2)), (6, None, None)),
        (nn("DataParallelTable", net(conv(3, 4)), net(conv(3, 4))), (3, None, None)),
        (net(nn("Dropout", p=0.5), linear(7)), (7,)),
        (net(nn("View", size=longs(784)), linear(784)), (1, 28, 28)),
        (net(nn("Reshape", size=longs(3072)), linear(3072)), (3, 32, 32)),
        (net(nn("Reshape", size=longs(10)), linear(10)), (10,)),
        (net(nn("View", size=longs(1, 4, 4)), conv(1, 2)), (16,)),
        (net(nn("View", size=longs(12)), linear(12), **last_input(5, 3, 2, 2)), (3, 2, 2)),
        (net(nn("View", size=longs(784)), linear(784), **last_input(128, 784)), (784,)),
        (net(nn("View", size=longs(6)), linear(6), **last_input(9, 2, 3)), (1, 2, 3)),
        (net(nn("Reshape", size=longs(6)), linear(6), **last_input(1, 2, 3)), (1, 2, 3)),
        (net(nn("CMul", weight=np.ones((1, 6), np.float32)), nn("Tanh"), **last_input(9, 6)), (6,)),
        (net(conv(1, 2), nn("View", size=longs(50)), linear(50)), (1, 7, 7)),
        (net(conv(1, 2), pool(), nn("View", size=longs(8)), linear(8), **last_input(4, 1, 7, 6)), (1, 7, 6)),
        (net(conv(1, 2), pool(), nn("View", size=longs(8)), linear(8), **last_input(1, 7, 6)), (1, 7, 6)),
    ],
)
def test_the_input_of_a_network_is_inferred(tmp_path, value, shape):
    ((_, found),) = report(tmp_path, value).inputs
    assert found == (None, *shape)


def test_the_source_of_a_size_is_reported(tmp_path):
    head = nn("View", size=longs(8)), linear(8)
    fits = report(tmp_path, net(conv(1, 2), nn("View", size=longs(50)), linear(50)))
    fed = report(tmp_path, net(conv(1, 2), pool(), *head, **last_input(4, 1, 7, 6)))
    assert fits.notes == ("images of 7 pixels a side, the only square ones that fit",)
    assert fed.notes == ("images of 7 x 6 pixels, as the network was fed with last",)


def test_several_possible_sizes_require_input_shape(tmp_path):
    value = net(conv(1, 2), pool(), nn("View", size=longs(8)), linear(8))
    sentence = load_net_error(tmp_path, value)
    assert "images of 6 or 7 pixels a side would fit. Pass input_shape=(1, 6, 6), or --input-shape 1,6,6" in sentence
    assert report(tmp_path, value, input_shape=(1, 6, 6)).inputs == (("input", (None, 1, 6, 6)),)


def test_a_network_without_input_shape_requires_one(tmp_path):
    sentence = load_net_error(tmp_path, net(nn("Tanh"), nn("CMul", weight=np.ones(3, np.float32))))
    assert "does not contain the input shape of the network. Pass input_shape" in sentence
    assert report(tmp_path, net(nn("Tanh")), input_shape=(3,)).inputs == (("input", (None, 3)),)
    assert "'net[1]' (nn.Foo) is unknown" in load_net_error(tmp_path, net(nn("Foo"), nn("Tanh")))


def test_every_entry_of_an_input_table_is_an_input(tmp_path):
    value = net(nn("ParallelTable", linear(3), net(nn("Tanh"), linear(5))), nn("JoinTable", dimension=2))
    assert report(tmp_path, value).inputs == (("input_1", (None, 3)), ("input_2", (None, 5)))


def test_everything_unsupported_is_named_at_once(tmp_path):
    value = net(
        conv(3, 4),
        nn("ConcatTable", nn("SpatialConvolutionLocal"), net(nn("Tanh"), nn("nn.LSTM"))),
        nn("CAddTable"),
        nn("SpatialAdaptiveMaxPooling", W=3, H=2),
        nn("nn.SpatialMaxPooling", kW=3, kH=3, dW=0, dH=1),
        nn("SelectTable", index=2),
        nn("mine.Layer"),
        linear(4),
    )
    sentence = load_net_error(tmp_path, value)
    for part in (
        "'net[2][1]' (nn.SpatialConvolutionLocal) is unknown",
        "'net[2][2][2]' (nn.LSTM) is unknown",
        "'net[4]' (nn.SpatialAdaptiveMaxPooling) has windows that make 2 x 3 of images of any size",
        "'net[5]' (nn.SpatialMaxPooling) has a dW of 0",
        "'net[7]' (mine.Layer) is unknown",
    ):
        assert part in sentence


WRONG = [
    (
        nn("SpatialConvolution", nInputPlane=3, nOutputPlane=4, kW=3, kH=3, weight=np.ones((4, 3, 3, 2), np.float32)),
        "a weight of shape (4, 3, 3, 2), where its options ask for (4, 3, 3, 3)",
    ),
    (nn("SpatialConvolution", nInputPlane=3, nOutputPlane=4, kW=3, kH=3), "no weight"),
    (nn("SpatialConvolution", nInputPlane=3, nOutputPlane=4, kW=0.5, kH=3), "a kW of 0.5"),
    (nn("SpatialConvolution", nInputPlane=3), "no number as its nOutputPlane"),
    (pool(padW=2), "padding of more than half its window"),
    (pool("cudnn.SpatialAveragePooling", kW="2"), "no number as its kW"),
    (nn("SpatialCrossMapLRN", size=4), "a size of 4"),
    (nn("PReLU", nOutputPlane=3, weight=np.ones(2, np.float32)), "a weight of shape (2,)"),
    (nn("SpatialReflectionPadding", pad_l=-1), "a padding of -1"),
    (nn("SpatialReflectionPadding", pad_l=9), "cannot be reflected so far"),
    (nn("Padding", dim=1, pad=1, nInputDim=3, index=2), "an index of 2"),
    (nn("Dropout", p=1.5), "a p of 1.5"),
    (nn("MulConstant", constant_scalar=np.ones(3, np.float32)), "no number as its constant_scalar"),
    (nn("View", size=longs(7)), "192 numbers per sample cannot have the shape (7,)"),
    (nn("View", size=longs(0, 7)), "sizes [0, 7]"),
    (nn("JoinTable", dimension=2), "expected a table, received a tensor"),
    (nn("Sequential", nn("ConcatTable", nn("Tanh")), nn("Tanh")), "expected a tensor, received a table"),
    (nn("Sequential", nn("ConcatTable", nn("Tanh")), nn("SelectTable", index=2)), "there is no 2 among 1"),
    (
        nn("Sequential", nn("ConcatTable", nn("Tanh")), nn("ParallelTable", nn("Tanh"), nn("Tanh"))),
        "2 modules take a table of as many",
    ),
    (nn("Concat", nn("Tanh"), nn("Tanh"), dimension=7), "there is no dimension 7 among 4"),
    (nn("Narrow", dimension=2, index=3, length=4), "there are no places from 2 up to 6 among 3"),
    (linear(3), "expected rows of numbers"),
    (nn("cudnn.SoftMax"), "one sum for all of an image"),
    (nn("gModule"), "no forwardnodes with data"),
    (nn("Bottle", nn("Tanh"), nInputDim=2), "more dimensions before those of its module"),
    (nn("Sequential", nn("Identity")), "has no module that computes something"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "words"), WRONG, ids=[words for _, words in WRONG])
def test_mismatches_are_named(tmp_path, value, words):
    sentence = load_net_error(tmp_path, value, input_shape=(3, 8, 8))
    assert words in sentence
    assert value.type in sentence or "Sequential" in value.type


def test_recursive_modules_are_rejected(tmp_path):
    inner = net(nn("Tanh"))
    inner.fields["modules"].append(inner)
    assert "100 nested ones" in load_net_error(tmp_path, inner, input_shape=(3,))
    twice = nn("Tanh")
    for _ in range(40):
        twice = net(twice, twice)
    assert "has more than 20,000 modules" in load_net_error(tmp_path, twice, input_shape=(3,))


def test_two_files_are_rejected(tmp_path):
    path = save(tmp_path / "net.t7", net(nn("Tanh")))
    with pytest.raises(LegacyFileError, match="Expected one file, received"):
        kb.load_legacy(path, path)


def test_each_type_of_module_has_one_converter():
    tables = (OPERATIONS, CONTAINERS, IDENTITIES)
    kinds = {*OPERATIONS, *CONTAINERS, *IDENTITIES}
    assert len(kinds) == sum(map(len, tables))
    assert kinds >= {*INPUT_RULES, *CONTAINER_RULES, *KEEPS_CHANNELS}
