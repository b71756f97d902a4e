"""The sample, the full set and data files, and one sentence for each invalid file."""

import contextlib
import hashlib
import os
import re
import sys
import warnings
import zipfile
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kerasbridge import datasets
from kerasbridge.datasets import npz
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.runtime import backend
from tests.paths import SHARED

FULL = SHARED / "data" / "mnist.npz"


def arrays(**changes):
    """Return a small valid data set with changes; an array changed to None is left out."""
    good = {
        "x_train": np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4),
        "y_train": np.array([0, 1, 2, 1, 0]),
        "x_test": np.full((2, 4, 4), 255, dtype=np.uint8),
        "y_test": np.array([2, 1]),
    }
    return {name: array for name, array in (good | changes).items() if array is not None}


@pytest.fixture
def save(tmp_path):
    def save(**changes):
        path = tmp_path / "digits.npz"
        np.savez_compressed(path, **arrays(**changes))
        return path

    return save


@pytest.fixture
def keras_cache(tmp_path, monkeypatch):
    """The empty folder in which Keras stores the full set in this test."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "mnist.npz"


@pytest.fixture
def keras_downloads(monkeypatch):
    """Replace `keras.utils.get_file`, and Keras, by a function."""

    def downloads(get_file):
        monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(utils=SimpleNamespace(get_file=get_file)))
        monkeypatch.setattr(backend, "configure", lambda: None)

    return downloads


def refusal(which):
    with pytest.raises(DataError) as caught:
        datasets.mnist(which)
    return str(caught.value)


# The sample


@pytest.fixture(scope="module")
def sample():
    return datasets.mnist()


def test_the_sample_has_4000_digits_to_train_and_1000_to_test(sample):
    (x_train, y_train), (x_test, y_test) = sample.as_keras()
    assert [a.shape for a in (x_train, y_train, x_test, y_test)] == [(4000, 28, 28), (4000,), (1000, 28, 28), (1000,)]
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}


def test_the_sample_is_stratified_and_shuffled(sample):
    assert np.bincount(sample.y_train).tolist() == [400] * 10
    assert np.bincount(sample.y_test).tolist() == [100] * 10
    for labels in (sample.y_train, sample.y_test):
        assert len(set(labels[:50].tolist())) == len(set(labels[-50:].tolist())) == 10


def test_the_sample_looks_like_digits(sample):
    for images in (sample.x_train[:100], sample.x_test):
        assert 0.1 < images.mean() / 255 < 0.2
        assert images.min() == 0
        assert images.max() == 255
        assert not images[:, 0].any()


def test_no_digit_of_the_sample_is_in_both_parts(sample):
    assert not {image.tobytes() for image in sample.x_train} & {image.tobytes() for image in sample.x_test}


def test_the_sample_matches_its_description(sample):
    package = resources.files("kerasbridge.datasets")
    described = re.findall(r"`([0-9a-f]{64})`", package.joinpath("mnist_sample.md").read_text(encoding="utf-8"))
    embedded = hashlib.sha256(package.joinpath("mnist_sample.npz").read_bytes()).hexdigest()
    assert [embedded, sample.checksum] == described[1:]


def test_the_samples_digits_come_from_the_full_training_set(sample):
    if not FULL.exists():
        pytest.skip(f"no full MNIST at {FULL}")
    with np.load(FULL) as full:
        seen = {image.tobytes() for image in full["x_train"]}
    assert all(image.tobytes() in seen for image in np.concatenate([sample.x_train, sample.x_test]))


# The data set


def test_the_checksum_depends_on_every_array_its_type_and_shape(save):
    changes = [
        {},
        {"x_train": arrays()["x_train"][::-1]},
        {"x_train": arrays()["x_train"][..., None], "x_test": arrays()["x_test"][..., None]},
        {"y_train": arrays()["y_train"].astype(np.uint8)},
        {"y_test": np.array([1, 2])},
    ]
    assert len({datasets.mnist(save(**change)).checksum for change in changes}) == len(changes)


def test_a_dataset_prints_its_name_not_its_pixels(sample):
    assert repr(sample) == (
        "Dataset(name='sample', source=\"5,000 digits of MNIST's training set, embedded in kerasbridge\")"
    )


# A file


def test_a_file_is_read_as_it_was_saved(save):
    path = save()
    data = datasets.mnist(path)
    for name, array in arrays().items():
        np.testing.assert_array_equal(getattr(data, name), array, strict=True)
    assert data.name == str(path)


def test_a_path_may_be_text_and_start_at_the_home_folder(save, monkeypatch):
    path = save()
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    assert datasets.mnist("~/digits.npz").name == str(path)


def test_colour_images_keep_their_channels(save):
    data = datasets.mnist(save(x_train=np.zeros((5, 4, 4, 3), np.uint8), x_test=np.zeros((2, 4, 4, 3), np.uint8)))
    assert data.x_train.shape == (5, 4, 4, 3)


@pytest.mark.parametrize(
    "stored",
    [
        lambda x: x.astype(np.int64),
        lambda x: x.astype(">u2"),
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.float32) / 255,
        lambda x: x / 255,
        lambda x: np.maximum(x / 255 - 1e-6, 0),
    ],
)
def test_images_stored_as_other_numbers_become_the_same_uint8(save, stored):
    original = np.arange(5 * 8 * 8, dtype=np.int64).reshape(5, 8, 8) % 256
    data = datasets.mnist(save(x_train=stored(original), x_test=np.zeros((2, 8, 8))))
    np.testing.assert_array_equal(data.x_train, original.astype(np.uint8), strict=True)


X = arrays()["x_train"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"y_test": None},
            "the array y_test is missing; the file contains x_train, y_train, x_test. "
            "Expected: numpy.savez_compressed(file, x_train=..., y_train=..., x_test=..., y_test=...).",
        ),
        (
            {"x_train": np.array([{}, 1, 2, 3, 4], dtype=object)},
            "x_train contains pickled Python objects, which are never loaded: save an array of numbers.",
        ),
        ({"x_train": X.astype(bool)}, "x_train contains bool values: expected numbers, preferably uint8."),
        ({"x_train": X.astype(complex)}, "x_train contains complex128 values: expected numbers, preferably uint8."),
        (
            {"x_test": np.zeros((2, 16))},
            "x_test has the shape (2, 16): expected (samples, height, width), with or without (…, channels).",
        ),
        (
            {"x_test": np.zeros((2, 0, 4))},
            "x_test has the shape (2, 0, 4): expected (samples, height, width), with or without (…, channels).",
        ),
        (
            {"y_train": np.eye(5)},
            "y_train has the shape (5, 5): expected one class number per sample, shape (samples,).",
        ),
        (
            {"y_train": np.zeros(5)},
            'y_train contains float64 values: expected integers, for example y.astype("int64").',
        ),
        ({"y_train": np.zeros(4, int)}, "x_train has 5 rows but y_train has 4: every array needs one row per sample."),
        (
            {"x_test": np.zeros((0, 4, 4)), "y_test": np.zeros(0, int)},
            "x_test has 0 rows, at least 1 is needed: look at the file or the selection it came from.",
        ),
        ({"y_test": np.array([3, -1])}, "y_test contains the label -1: classes are numbered from 0."),
        (
            {"x_test": np.zeros((2, 5, 4))},
            "x_train contains images of shape (4, 4) but x_test of (5, 4): both must have the same shape.",
        ),
        (
            {"x_train": np.full((5, 4, 4), np.nan)},
            "x_train contains 80 NaN and 0 infinite values, the first in row 0, where finite numbers are expected: "
            "fix or remove these rows.",
        ),
        (
            {"x_train": X.astype(int) + 200},
            "x_train contains int64 values from 200 to 279: expected whole numbers from 0 to 255 "
            "(or these divided by 255). Save the images as uint8.",
        ),
        (
            {"x_train": X.astype(np.int8) - 1},
            "x_train contains int8 values from -1 to 78: expected whole numbers from 0 to 255 "
            "(or these divided by 255). Save the images as uint8.",
        ),
        (
            {"x_train": (X - 13.5) / 7},
            "x_train contains float64 values from -1.92857 to 9.35714: expected whole numbers from 0 to 255 "
            "(or these divided by 255). Save the images as uint8.",
        ),
        (
            {"x_test": np.full((2, 4, 4), 0.3333, np.float32)},
            "x_test contains float32 values from 0.3333 to 0.3333: expected whole numbers from 0 to 255 "
            "(or these divided by 255). Save the images as uint8.",
        ),
    ],
)
def test_each_problem_of_a_file_is_its_own_sentence(save, changes, expected):
    path = save(**changes)
    assert refusal(path) == f"{path}: {expected}"


def test_a_missing_file_is_named_with_the_valid_values(tmp_path):
    path = tmp_path / "none.npz"
    assert refusal(path) == f'There is no file {path}: expected "sample", "full" or the path of an .npz file.'


def test_a_folder_is_rejected(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path} is a folder: pass the path of an .npz file in it."


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut short"])
def test_an_invalid_npz_file_is_rejected(tmp_path, content):
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    assert refusal(path) == (
        f"{path}: expected an .npz file, as written by numpy.savez_compressed; "
        "it cannot be read (File is not a zip file)."
    )


def test_a_file_with_changed_bytes_is_read_correctly_or_rejected(save):
    """Invert every 7th byte of the file in turn; bytes before the checksums of the arrays may go unnoticed."""
    path, original = save(), datasets.mnist(save()).checksum
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        with contextlib.suppress(DataError):
            assert datasets.mnist(path).checksum == original


def test_an_array_in_another_format_than_npy_is_rejected(tmp_path):
    path = tmp_path / "digits.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in npz.NAMES:
            archive.writestr(f"{name}.npy", b"text")
    assert refusal(path) == f"{path}: x_train is not an array as written by numpy.save."


def with_rows(path, rows):
    """Rewrite the header of x_train: it states `rows` rows, and fewer follow."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    shape = f"({rows}, 4, 4), }}".encode()
    members["x_train.npy"] = members["x_train.npy"].replace(b"(5, 4, 4), }".ljust(len(shape)), shape)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_truncated_array_is_rejected(save):
    assert "x_train is truncated or damaged (" in refusal(with_rows(save(), rows=6))


def test_a_header_that_states_more_than_4_gib_is_rejected_before_loading(save):
    path = with_rows(save(), rows=2**29)
    assert refusal(path) == (
        f"{path}: its arrays take 8.0 GiB, more than the limit of 4 GiB: "
        "load them yourself and pass them to kerasbridge.fit."
    )


@pytest.mark.parametrize("which", [None, 7, ["sample"]])
def test_an_unknown_name_or_path_is_rejected(which):
    with pytest.raises(ArgumentError) as caught:
        datasets.mnist(which)
    assert str(caught.value) == f'mnist takes "sample", "full" or the path of an .npz file; received {which!r}.'


# The full set


def test_the_cached_full_set_is_read_without_keras(save, keras_cache, monkeypatch):
    save().rename(keras_cache)
    monkeypatch.setattr(datasets, "FULL_SHA256", hashlib.sha256(keras_cache.read_bytes()).hexdigest())
    monkeypatch.setitem(sys.modules, "keras", None)
    data = datasets.mnist("full")
    assert (data.name, data.x_train.shape) == ("full", (5, 4, 4))


def test_a_corrupt_cache_is_named_with_both_checksums(keras_cache):
    keras_cache.write_bytes(b"half a download")
    assert refusal("full") == (
        f"{keras_cache} is damaged: expected the sha256 {datasets.FULL_SHA256}, "
        f"received {hashlib.sha256(b'half a download').hexdigest()}. Delete the file to download it again."
    )


def test_offline_without_a_cache_the_sample_or_a_path_is_offered(keras_cache, keras_downloads):
    def offline(*_, **__):
        raise Exception("URL fetch failure")

    keras_downloads(offline)
    assert refusal("full") == (
        f"The full MNIST set is not in the Keras cache ({keras_cache}) and could not be downloaded "
        '(URL fetch failure). Put mnist.npz there, or use "sample" or the path of an .npz file.'
    )


def test_the_download_is_checked_and_prints_nothing_to_stdout(save, keras_cache, keras_downloads, monkeypatch, capsys):
    def get_file(name, origin, file_hash, cache_dir):
        print("Downloading")
        assert (name, origin, file_hash) == ("mnist.npz", datasets.FULL_URL, datasets.FULL_SHA256)
        return str(downloaded.rename(Path(cache_dir) / "datasets" / name))

    downloaded = save()
    monkeypatch.setattr(datasets, "FULL_SHA256", hashlib.sha256(downloaded.read_bytes()).hexdigest())
    keras_downloads(get_file)
    assert datasets.mnist("full").x_train.shape == (5, 4, 4)
    assert keras_cache.exists()
    assert capsys.readouterr() == ("", "Downloading\n")


# Evaluation on training data

SEEN = "The sample's digits are part of MNIST's training set"


def test_scoring_the_full_sets_model_on_the_sample_warns(sample):
    with pytest.warns(UserWarning, match=SEEN):
        datasets.warn_if_seen("full", sample)


def test_a_copy_of_the_full_set_under_another_name_warns(sample):
    if not FULL.exists():
        pytest.skip(f"no full MNIST at {FULL}")
    with pytest.warns(UserWarning, match=SEEN):
        datasets.warn_if_seen(datasets.mnist(FULL), sample)


@pytest.mark.parametrize("names", [("sample", "sample"), ("sample", "full"), ("full", "full"), ("x.npz", "sample")])
def test_other_pairs_do_not_warn(names):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        datasets.warn_if_seen(*names)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "digits.npz")
    with pytest.raises(DataError, match="is not a regular file"):
        datasets.mnist(tmp_path / "digits.npz")
