"""Arrays that are larger than the device budget, or on disk, are streamed; the result is the same."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.data import memory_budget
from kerasbridge.data.arrays import arrays
from kerasbridge.data.sampler import RowSampler
from kerasbridge.errors import ArgumentError, DataError
from tests.backend.data.test_adapters import WEIGHTS, X, Y, linear, trained
from tests.backend.data.test_streams import OnBatchEnd
from tests.backend.models import assert_same_state, seeded

BYTES = 203 * (12 * 4 + 8)


@pytest.fixture
def placed(monkeypatch):
    """The number of rows of each array copied to the device."""
    rows, engine = [], engines.current()
    place = engine.to_device

    def noting(array):
        rows.append(len(array))
        return place(array)

    monkeypatch.setattr(engine, "to_device", noting)
    return rows


def test_the_result_does_not_depend_on_whether_it_streams():
    arguments = {"batch_size": 8, "epochs": 2, "shuffle": True, "validation_split": 0.2}
    whole, history = trained(X, Y, WEIGHTS, **arguments)
    streamed, found = trained(X, Y, WEIGHTS, device_budget=100, **arguments)
    assert found.history == history.history
    assert found.params["steps"] == history.params["steps"]
    assert_same_state(streamed, whole)
    assert kb.evaluate(whole, X, Y, 8, verbose=0, device_budget=1) == kb.evaluate(whole, X, Y, 8, verbose=0)
    np.testing.assert_array_equal(kb.predict(whole, X, 8, 0, device_budget=1), kb.predict(whole, X, 8, 0))


def test_streaming_with_batch_hooks_gives_the_same_result():
    callback = OnBatchEnd(lambda *_: None)
    streamed, _ = trained(X, Y, batch_size=8, device_budget=100, callbacks=[callback])
    assert_same_state(streamed, trained(X, Y, batch_size=8)[0])


@pytest.mark.parametrize(("limit", "fits"), [(BYTES, True), (BYTES - 1, False), ("11.368 kB", True), ("11kB", False)])
def test_data_within_the_budget_is_copied_as_a_whole(limit, fits):
    assert memory_budget.fits_in_memory(arrays(X, Y), engines.current(), limit) is fits


def test_float64_counts_as_floatx():
    assert arrays(X.astype("float64"), Y).bytes_in_memory == BYTES


def test_the_environment_sets_the_budget_and_the_argument_comes_first(monkeypatch, placed):
    monkeypatch.setenv("KERASBRIDGE_DEVICE_BUDGET", "1 kB")
    trained(X, Y, batch_size=8)
    assert 203 not in placed
    trained(X, Y, batch_size=8, device_budget="1 GB")
    assert 203 in placed


def test_the_default_budget_is_half_of_the_free_memory(monkeypatch):
    engine = engines.current()
    for free, fits in ((2 * BYTES, True), (2 * BYTES - 2, False), (None, True)):
        monkeypatch.setattr(engine, "free_bytes", lambda free=free: free)
        assert memory_budget.fits_in_memory(arrays(X, Y), engine) is fits


def test_the_backend_reports_free_memory():
    assert engines.current().free_bytes() > 10**6


@pytest.mark.parametrize(
    ("word", "size"),
    [("2 kB", 2000), ("1.5GB", 1_500_000_000), ("3MiB", 3 * 2**20), ("7", 7), (12, 12)],
)
def test_a_budget_may_have_a_unit(word, size):
    assert memory_budget.parse_bytes(word) == size


@pytest.mark.parametrize("word", ["much", "2 TB", "-1", "", True, "50%"])
def test_an_invalid_budget_raises_one_sentence(word):
    with pytest.raises(ArgumentError, match=r"^Expected a device budget in bytes, received") as caught:
        kb.fit(seeded(linear), X, Y, device_budget=word)
    assert 'device_budget="2 GB" or KERASBRIDGE_DEVICE_BUDGET=500MB.' in str(caught.value)


def test_a_wrong_budget_in_the_environment_is_the_same_sentence(monkeypatch):
    monkeypatch.setenv("KERASBRIDGE_DEVICE_BUDGET", "half")
    with pytest.raises(ArgumentError, match="received 'half'"):
        kb.evaluate(seeded(linear), X, Y)


@pytest.fixture
def on_disk(tmp_path):
    """X as float64 on disk."""
    np.save(tmp_path / "x.npy", X.astype("float64"))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def test_an_array_on_a_disk_trains_as_one_in_memory(on_disk):
    arguments = {"batch_size": 8, "shuffle": True, "validation_split": 0.2}
    model, history = trained(on_disk, Y, **arguments)
    expected, wanted = trained(X, Y, **arguments)
    assert history.history == wanted.history
    assert_same_state(model, expected)


def test_an_array_on_a_disk_is_never_read_as_a_whole(on_disk, monkeypatch):
    read = []

    class Watched(np.memmap):
        def __getitem__(self, rows):
            found = np.asarray(super().__getitem__(rows))
            read.append(len(found))
            return found

        def __array__(self, dtype=None, copy=None):
            raise AssertionError("read as a whole")

    watched = on_disk.view(Watched)
    model = seeded(linear)
    kb.fit(model, watched, Y, 8, verbose=0, device_budget="1 GB")
    kb.evaluate(model, watched, Y, 8, verbose=0)
    kb.predict(model, watched, 8, verbose=0)
    assert max(read) == 8
    assert sum(read) >= 3 * 203


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in batches"])
def test_labels_are_checked(streams, on_disk):
    wrong = np.where(np.arange(203) == 100, 7, Y)
    with pytest.raises(DataError, match=r"^y contains the label 7 in row (100|4)"):
        trained(on_disk if streams else X, wrong, batch_size=8)


# Steps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 100], ids=["whole", "in batches"])
def test_the_next_epoch_continues_where_steps_per_epoch_ended_the_last(limit):
    arguments = {"batch_size": 8, "shuffle": True, "device_budget": limit}
    cut_up, history = trained(X[:200], Y[:200], steps_per_epoch=5, epochs=10, **arguments)
    assert_same_state(cut_up, trained(X[:200], Y[:200], epochs=2, **arguments)[0])
    assert history.params["steps"] == 5


def test_steps_that_do_not_divide_the_batches_end_the_epoch_with_a_warning():
    with pytest.warns(UserWarning, match="gives 26 batches, which steps_per_epoch=20 does not divide: epoch 2 ends"):
        model, _ = trained(X, Y, batch_size=8, steps_per_epoch=20, epochs=2)
    assert_same_state(model, trained(X, Y, batch_size=8)[0])


@pytest.mark.parametrize(("steps", "batch_size"), [(7, 29), pytest.param(6, 34, marks=pytest.mark.once)])
def test_without_a_batch_size_steps_determine_it(steps, batch_size):
    model, history = trained(X, Y, steps_per_epoch=steps)
    assert int(model.optimizer.iterations) == steps
    assert_same_state(model, trained(X, Y, batch_size=batch_size)[0])
    assert history.params["steps"] == steps


def test_shuffling_batches_keeps_the_rows_of_each_together():
    in_order = np.arange(40).reshape(5, 8).tolist()
    (rows,) = RowSampler(40, 8, seed=1, within_batches=True).epoch(0)
    assert [sorted(batch) for batch in rows.tolist()] == in_order
    assert rows.tolist() != in_order
    shuffled = rows.ravel()
    model, _ = trained(X[:40], Y[:40], batch_size=8, shuffle="batch")
    assert_same_state(model, trained(X[shuffled], Y[shuffled], batch_size=8)[0])
