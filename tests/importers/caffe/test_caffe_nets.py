"""Structure of Caffe nets: phases, blobs written twice, old messages, losses, data; and the report."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from tests.importers.nets import assert_close, data, files, layer, outputs

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(2, 3, 6, 5)).astype(np.float32)
W, B = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((4, 3 * 6 * 5), (4,)))
DENSE = "inner_product_param { num_output: 4 }"


def load(tmp_path, text, arrays=None, **options):
    """Return the model and the report of a net."""
    paths = files(tmp_path, text, arrays, **options)
    return kb.load_legacy(*paths), kb.inspect_legacy(*paths)


def test_a_rewritten_blob_is_read_with_its_new_value(tmp_path):
    text = data(*X.shape) + layer("Power", "power_param { shift: 1 }", name="a", top="data")
    text += layer("ReLU", name="b", bottom="data") + layer("Power", "power_param { scale: 2 }", name="c", top="data")
    model, report = load(tmp_path, text + layer("Eltwise", name="d", bottom="data b"))
    assert report.outputs == ("d",)
    assert_close(outputs(model, X)[0], 2 * (X + 1) + np.maximum(X + 1, 0))


def test_outputs_are_the_unread_blobs_sorted_by_name_as_in_caffe(tmp_path):
    text = data(*X.shape) + layer("ReLU", name="z") + layer("TanH", name="a", bottom="data")
    model, report = load(tmp_path, text)
    assert report.outputs == ("a", "z")
    for found, expected in zip(outputs(model, X), (np.tanh(X), np.maximum(X, 0)), strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize("rule", ["include { phase: TRAIN }", "exclude { phase: TEST }", 'include { stage: "deploy" }'])
def test_layers_of_another_phase_are_left_out(tmp_path, rule):
    text = data(*X.shape) + layer("TanH", rule, name="t", top="data") + layer("ReLU", "include { phase: TEST }")
    assert_close(outputs(load(tmp_path, text)[0], X)[0], np.maximum(X, 0))


def test_a_stage_set_by_the_file_is_used(tmp_path):
    text = 'state { stage: "deploy" }' + data(*X.shape) + layer("TanH", 'include { stage: "deploy" }')
    assert_close(outputs(load(tmp_path, text)[0], X)[0], np.tanh(X))


TRAINING = (
    'layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TRAIN } '
    "transform_param { mirror: true crop_size: 5 } }\n"
    'layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TEST } '
    "transform_param { crop_size: 5 mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.017 } }\n"
    + layer("InnerProduct", DENSE)
    + layer("Accuracy", name="accuracy", bottom="l label")
    + layer("SoftmaxWithLoss", name="loss", bottom="l label")
)


def test_a_training_net_becomes_an_inference_net(tmp_path):
    weight = RANDOM.normal(size=(4, 75)).astype(np.float32)
    model, report = load(tmp_path, TRAINING, {"l": (weight, B)})
    x = RANDOM.normal(size=(2, 3, 5, 5)).astype(np.float32)
    scores = np.exp(x.reshape(2, -1) @ weight.T + B)
    assert_close(outputs(model, x)[0], scores / scores.sum(1, keepdims=True))
    assert report.inputs == (("data", (None, 3, 5, 5)),)
    assert [str(entry) for entry in report.substituted] == ["loss (SoftmaxWithLoss): Softmax, without the loss"]
    assert [entry.layer for entry in report.skipped] == ["digits", "accuracy"]
    assert [*map(str, report.preprocessing)] == [
        "digits: crops images to 5x5, subtracts 104, 117, 123, multiplies by 0.017"
    ]


def test_a_data_layer_of_another_phase_is_used_if_there_is_no_other(tmp_path):
    text = 'layer { name: "d" type: "HDF5Data" top: "data" top: "label" include { phase: TRAIN } }'
    text += layer("ReLU", name="r", top="data") + layer("InnerProduct", DENSE)
    model, report = load(tmp_path, text, {"l": (W, B)})
    assert report.inputs == (("data", (None, 90)),)  # rows, as in the weights
    rows = X.reshape(2, -1)
    assert_close(outputs(model, rows)[0], np.maximum(rows, 0) @ W.T + B)


def test_a_report_is_printed_line_by_line_and_is_json(tmp_path):
    import json

    report = load(tmp_path, TRAINING, {"l": (np.ones((4, 75)), B)})[1]
    assert "inputs        data (N, 3, 5, 5)\noutputs       loss\n" in str(report)
    assert json.loads(json.dumps(report.as_dict()))["skipped"][1]["layer"] == "accuracy"


def test_losses_without_a_probability_return_their_input(tmp_path):
    text = data(*X.shape) + layer("TanH") + layer("EuclideanLoss", name="loss", bottom="l data")
    model, report = load(tmp_path, text)
    assert report.outputs == ("l",)
    assert_close(outputs(model, X)[0], np.tanh(X))


def test_silence_removes_an_output(tmp_path):
    text = data(*X.shape) + layer("ReLU", name="r") + layer("TanH", name="t") + layer("Silence", bottom="t", name="s")
    assert load(tmp_path, text)[1].outputs == ("r",)


OLD = """
input: "data" input_dim: 2 input_dim: 3 input_dim: 6 input_dim: 5
layers { name: "l" type: INNER_PRODUCT bottom: "data" top: "l" blobs_lr: 1 inner_product_param { num_output: 4 } }
layers { name: "r" type: RELU bottom: "l" top: "l" }
layers { name: "p" type: SOFTMAX_LOSS bottom: "l" top: "p" }
"""


def test_messages_of_version_one_and_their_blobs_are_read(tmp_path):
    model, _ = load(tmp_path, OLD, {"l": (W, B)}, version=1)
    scores = np.exp(np.maximum(X.reshape(2, -1) @ W.T + B, 0))
    assert_close(outputs(model, X)[0], scores / scores.sum(1, keepdims=True))


def test_weights_of_version_one_fit_a_net_of_version_two(tmp_path):
    model, _ = load(tmp_path, data(*X.shape) + layer("InnerProduct", DENSE), {"l": (W, B)}, version=1)
    assert_close(outputs(model, X)[0], X.reshape(2, -1) @ W.T + B)


def test_64_bit_and_unpacked_numbers_are_read(tmp_path):
    from kerasbridge.importers.caffe.schema import message

    paths = files(tmp_path, data(*X.shape) + layer("InnerProduct", DENSE), {"l": (W, B)})
    net = message("NetParameter").FromString(paths[1].read_bytes())
    weight, bias = net.layer[0].blobs
    weight.ClearField("data")
    weight.double_data.append(W.astype("<f8").tobytes())
    bias.ClearField("data")
    bias.MergeFromString(b"".join(b"\x2d" + number.tobytes() for number in B))  # field 5 as single floats
    paths[1].write_bytes(net.SerializeToString())
    assert_close(outputs(kb.load_legacy(*paths), X)[0], X.reshape(2, -1) @ W.T + B)


def test_weights_may_be_drawn_again(tmp_path):
    model, _ = load(tmp_path, data(*X.shape) + layer("InnerProduct", DENSE), {"l": (0 * W, B)})
    kb.reinitialize(model, 0)
    assert np.std(model.get_weights()[0]) > 0.01


def test_names_that_keras_rejects_are_changed(tmp_path):
    text = data(*X.shape) + layer("ReLU", name="a/b:c") + layer("TanH", name="a_b_c", bottom="a/b:c")
    assert [one.name for one in load(tmp_path, text)[0].layers] == ["data", "a_b_c", "a_b_c_1"]


def test_files_are_recognised_by_their_contents(tmp_path):
    text, weights = files(tmp_path, data(*X.shape) + layer("InnerProduct", DENSE), {"l": (W, B)})
    renamed = [weights.rename(tmp_path / "a.txt"), text.rename(tmp_path / "b.mat")]
    assert_close(outputs(kb.load_legacy(*renamed), X)[0], X.reshape(2, -1) @ W.T + B)


def test_batch_statistics_are_replaced_and_reported(tmp_path):
    text = data(*X.shape) + layer("BatchNorm", "batch_norm_param { use_global_stats: false }")
    (entry,) = load(tmp_path, text, {"l": (np.zeros(3), np.ones(3), np.ones(1))})[1].substituted
    assert "stored statistics" in entry.what


def test_a_field_of_a_fork_is_noted(tmp_path):
    text = data(*X.shape) + layer("ReLU", "strange_param { deep { er: 1 } }")
    model, report = load(tmp_path, text)
    assert "strange_param" in report.notes[0]
    assert_close(outputs(model, X)[0], np.maximum(X, 0))


def test_a_net_without_layers_that_depend_on_a_size_takes_any_size(tmp_path):
    text = data(*X.shape) + layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
    assert load(tmp_path, text)[0].input_shape == (None, None, None, 3)


def test_a_description_alone_is_inspected_but_not_loaded(tmp_path):
    paths = files(tmp_path, data(*X.shape) + layer("InnerProduct", DENSE) + layer("Softmax", name="p", bottom="l"))
    assert [str(entry) for entry in kb.inspect_legacy(*paths).converted] == ["l (InnerProduct)", "p (Softmax)"]
    with pytest.raises(LegacyFileError, match=r"weights are missing: pass the \.caffemodel together with"):
        kb.load_legacy(*paths)
