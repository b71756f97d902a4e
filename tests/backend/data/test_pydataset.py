"""PyDatasets: the order of their batches, their epoch hooks, and their workers."""

import threading

import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator
from tests.backend.data.test_adapters import Batches, X, Y, cut, linear, trained
from tests.backend.models import assert_same_state, seeded

BATCHES = cut(X, Y)


class Watched(Batches):
    """A PyDataset that records the requested batches and the calls of its epoch hooks."""

    def __init__(self, batches=BATCHES[:10], **options):
        super().__init__(batches, **options)
        self.requested, self.begun, self.ended = [], 0, 0

    def __getitem__(self, index):
        self.requested.append(index)
        return super().__getitem__(index)

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def requested(epochs=1, **arguments):
    """Return the batches that the training of a built model requests."""
    model, dataset = seeded(linear), Watched()
    kb.fit(model, X, Y, epochs=1, verbose=0)
    kb.fit(model, dataset, epochs=epochs, verbose=0, **{"seed": 5, **arguments})
    return dataset.requested


def test_the_order_of_batches_is_the_permutation_of_seed_and_epoch():
    expected = [generator.permutation(5, epoch, 10).tolist() for epoch in (0, 1)]
    assert requested(2) == [*expected[0], *expected[1]]
    assert requested(2, initial_epoch=1) == expected[1]


def test_the_order_is_the_same_on_every_backend():
    assert requested() == [4, 5, 6, 3, 2, 7, 1, 0, 9, 8]


def test_without_shuffle_batches_keep_their_order():
    assert requested(2, shuffle=False) == [*range(10)] * 2


def test_the_next_epoch_continues_where_steps_per_epoch_ended_the_last():
    expected = [generator.permutation(5, number, 10).tolist() for number in (0, 1)]
    assert requested(4, steps_per_epoch=5) == [*expected[0], *expected[1]]


def test_steps_that_do_not_divide_the_batches_are_warned_of():
    with pytest.warns(UserWarning, match="gives 10 batches, which steps_per_epoch=4 does not divide: epoch 3 ends"):
        assert requested(3, steps_per_epoch=4) == generator.permutation(5, 0, 10).tolist()


@pytest.mark.parametrize("steps", [None, 13])
def test_workers_change_nothing(steps):
    arguments = {"shuffle": True, "epochs": 2, "steps_per_epoch": steps}
    one, history = trained(Batches(BATCHES), **arguments)
    other, expected = trained(Batches(BATCHES, workers=3, max_queue_size=2), **arguments)
    assert history.history == expected.history
    assert_same_state(one, other)


def test_workers_end_with_a_training_that_stops_early():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    before = set(threading.enumerate())
    model, _ = trained(Batches(BATCHES, workers=2, max_queue_size=2), callbacks=[Stop()])
    assert int(model.optimizer.iterations) == 1
    assert [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("Worker")] == []


def test_the_error_of_a_worker_reaches_the_user():
    class Broken(Batches):
        def __getitem__(self, index):
            if index == 4:
                raise LookupError("no file 4")
            return super().__getitem__(index)

    with pytest.raises(LookupError, match="no file 4"):
        trained(Broken(BATCHES, workers=2))


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # of JAX, which another test may have started
def test_processes_read_what_threads_read(backend):
    if backend != "torch":
        pytest.skip("processes forked from threads of JAX and TensorFlow may hang")
    model, _ = trained(Batches(BATCHES, workers=2, use_multiprocessing=True))
    assert_same_state(model, trained(Batches(BATCHES))[0])


@pytest.mark.parametrize("again", [False, True], ids=["first fit", "second fit"])
def test_epoch_hooks_of_a_dataset_are_called_as_in_keras(again, backend):
    if backend == "tensorflow" and not again:
        pytest.skip("stock fit on TensorFlow reads a first batch to build the model without calling the hooks")

    def epoch_calls(fit):
        model = seeded(linear)
        if again:
            fit(model, X, Y)
        data, validation = Watched(), Watched()
        fit(model, data, validation_data=validation, epochs=2)
        return [(dataset.begun, dataset.ended) for dataset in (data, validation)]

    stock = epoch_calls(lambda model, *data, **arguments: model.fit(*data, verbose=0, **arguments))
    assert epoch_calls(lambda model, *data, **arguments: kb.fit(model, *data, verbose=0, **arguments)) == stock


def test_a_dataset_that_changes_between_epochs_is_read_again():
    class Doubling(Batches):
        factor = 0.5  # Keras calls on_epoch_end before the first epoch

        def __getitem__(self, index):
            x, y = self.batches[index]
            return x * self.factor, y

        def on_epoch_end(self):
            self.factor *= 2

    model, _ = trained(Doubling(BATCHES), epochs=2)
    expected = trained(X, Y, batch_size=8)[0]
    kb.fit(expected, 2 * X, Y, batch_size=8, shuffle=False, verbose=0)
    assert_same_state(model, expected)
