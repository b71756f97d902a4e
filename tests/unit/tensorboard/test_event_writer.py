"""Event files, read with the reader of TensorBoard."""

import subprocess
import sys

import numpy as np
import pytest
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util.tensor_util import make_ndarray

from kerasbridge.errors import ArgumentError
from kerasbridge.tensorboard.event_writer import EventFile, buckets
from tests.events import pixels, read, scalars
from tests.paths import ROOT


@pytest.fixture
def file(tmp_path):
    file = EventFile(tmp_path)
    yield file
    file.close()


def test_a_number_is_on_the_disk_when_scalar_returns(file, tmp_path):
    file.scalar("loss", 0.25, step=3)
    file.scalar("loss", np.float64(0.125), step=4)
    assert scalars(tmp_path) == {"loss": [(3, 0.25), (4, 0.125)]}


def test_two_writers_in_one_folder_and_second_write_different_files(file, tmp_path):
    other = EventFile(tmp_path)
    file.scalar("loss", 1, step=0)
    other.scalar("accuracy", 1, step=0)
    other.close()
    assert set(scalars(tmp_path)) == {"loss", "accuracy"}


def test_closing_twice_does_nothing_the_second_time(file):
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        file.scalar("loss", 1, step=0)


RANDOM = np.random.default_rng(0)
ARRAYS = {
    "normal": RANDOM.normal(size=(50, 7)).astype("float32"),
    "whole numbers": RANDOM.integers(-5, 9, 100),
    "one value": np.full((3, 4), 0.5, "float32"),
    "zeros": np.zeros(8),
    "one number": np.array(2.5),
    "nothing": np.zeros((0, 4)),
}


@pytest.mark.parametrize("values", ARRAYS.values(), ids=ARRAYS)
def test_a_histogram_is_what_tensorboard_makes_of_the_values(file, tmp_path, values):
    file.histogram("weights", values, step=2)
    ((step, found),) = read(tmp_path)["histograms", "weights"]
    assert (step, found.dtype) == (2, np.float64)
    np.testing.assert_array_equal(found, make_ndarray(histogram_pb("weights", values).value[0].tensor))


def test_a_histogram_leaves_out_what_is_not_finite():
    np.testing.assert_array_equal(buckets([1.0, np.nan, 2.0, np.inf, 3.0]), buckets([1.0, 2.0, 3.0]))
    assert not buckets([np.nan]).any()


def test_values_too_close_for_thirty_edges_are_in_the_last_bucket():
    assert buckets([0.0, 5e-324])[-1, 2] == 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_are_the_first_three_inputs(file, tmp_path, channels):
    images = RANDOM.integers(0, 256, (5, 6, 4, channels), dtype=np.uint8)
    file.image("kernel", images, step=1)
    ((step, found),) = read(tmp_path)["images", "kernel"]
    assert (step, len(found)) == (1, 2 + 3)
    np.testing.assert_array_equal(pixels(found), images[0].squeeze())


def test_grey_levels_are_clipped(file, tmp_path):
    file.image("kernel", np.array([-1, 0, 0.5, 0.999, 2], "float32").reshape(1, 1, 5, 1), step=0)
    ((_, found),) = read(tmp_path)["images", "kernel"]
    assert pixels(found).tolist() == [[0, 0, 127, 255, 255]]


def test_an_image_of_five_channels_is_rejected(file):
    with pytest.raises(ArgumentError, match="1 to 4 channels in their last dimension, received 5"):
        file.image("kernel", np.zeros((1, 2, 2, 5)), step=0)


def test_a_text_and_a_model_can_be_read_back(file, tmp_path):
    file.text("notes", "*größer*", step=0)
    file.model("keras", "{}", step=0)
    found = read(tmp_path)
    assert found["text", "notes"][0][1].item().decode() == "*größer*"
    assert found["graph_keras_model", "keras"][0][1].item() == b"{}"


def test_a_folder_on_another_machine_is_rejected():
    with pytest.raises(ArgumentError, match="a folder on this machine for TensorBoard, received 'gs://bucket/logs'"):
        EventFile("gs://bucket/logs")


@pytest.mark.parametrize("package", ["tensorboard", "PIL"])
def test_without_a_package_the_error_contains_the_install_command(package):
    script = f"import sys; sys.modules[{package!r}] = None; import kerasbridge.tensorboard.event_writer"
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    last = child.stderr.splitlines()[-1]
    assert last.startswith("kerasbridge.errors.PackageNotInstalled: TensorBoard's event files need")
    assert last.endswith('Type: pip install "kerasbridge[tensorboard]"')


def test_writing_loads_no_framework():
    script = """if True:
        import sys, tempfile
        from kerasbridge.tensorboard.event_writer import EventFile
        with tempfile.TemporaryDirectory() as folder:
            file = EventFile(folder)
            file.scalar("a", 1, 0), file.histogram("b", [1], 0), file.text("c", "d", 0), file.image("e", [[[[1]]]], 0)
            file.close()
        print({"tensorflow", "torch", "jax", "keras"} & set(sys.modules))
    """
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert child.stdout == "set()\n", child.stderr
