"""Generators and other streams of batches: their ends, errors, threads, and batches of changing shapes."""

import threading
import warnings

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.data import prefetch
from kerasbridge.engines import compile_cache
from kerasbridge.engines.step import Batch
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from tests.backend.data.test_adapters import Batches, X, Y, cut, generator, linear, trained
from tests.backend.models import CLASSES, OnBatchEnd, assert_same_state, seeded

BATCHES = cut(X, Y)
RAN_OUT = "Your input ran out of data; interrupting training"


def reading(read):
    """Yield batches without end, and append their numbers to the list as they are read."""
    number = 0
    while True:
        read.append(number)
        yield BATCHES[number % 25]
        number += 1


def failing(error, at):
    """Yield batches, and raise an error instead of one of them."""
    yield from BATCHES[:at]
    raise error


def threads():
    return [thread for thread in threading.enumerate() if thread.name == prefetch.THREAD]


# Shapes ---------------------------------------------------------------------------------------------------------------


def test_batches_of_changing_sizes_are_each_a_step():
    sizes = [8, 3, 3, 8, 5, 8, 8, 1]
    ends = np.cumsum(sizes)
    batches = [(X[end - size : end], Y[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    model, history = trained(generator(batches))
    expected = seeded(linear)
    for batch in batches:
        kb.fit(expected, *batch, **{"shuffle": False, "verbose": 0})
    assert_same_state(model, expected, rtol=1e-5, atol=1e-6)
    found = kb.predict(model, generator([(x,) for x, _ in batches]), verbose=0)
    np.testing.assert_allclose(found, kb.predict(model, X[: ends[-1]], verbose=0), rtol=1e-5)
    assert history.params["steps"] is None


@pytest.mark.once
def test_a_live_callback_sees_whole_executions_of_batches_of_changing_sizes():
    seen = []
    batches = [(X[:size], Y[:size]) for size in (8, 3, 3, 3, 8, 8, 8)]
    model = seeded(linear)
    model.steps_per_execution = 3
    look = OnBatchEnd(lambda model, batch: seen.append((batch, int(model.optimizer.iterations))))
    kb.fit(model, generator(batches), verbose=0, callbacks=[look])
    assert seen == [(2, 3), (5, 6), (8, 7)]  # the last execution ends with the data


def test_sequences_of_changing_lengths_keep_a_bounded_number_of_compiled_steps(monkeypatch):
    monkeypatch.setattr(compile_cache, "MAX_ENTRIES", 2)
    words = np.random.default_rng(0).integers(1, 20, (12, 9), dtype="int32")
    lengths = [4, 6, 4, 9]
    batches = [(words[3 * k : 3 * k + 3, :length], Y[3 * k : 3 * k + 3]) for k, length in enumerate(lengths)]

    def build():
        layers = [
            keras.layers.Embedding(20, 4),
            keras.layers.LSTM(5),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
        model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    model, _ = trained(generator(batches), build=build)
    expected = seeded(build)
    for batch in batches:
        kb.fit(expected, *batch, shuffle=False, verbose=0, seed=1)
    assert_same_state(model, expected, rtol=1e-5, atol=1e-6)
    assert len(model._kerasbridge_compiled) <= 2


def test_a_generator_may_fill_one_buffer_again_and_again():
    def refilling():
        x, y = np.empty((8, 12), "float32"), np.empty(8, "int64")
        for batch in BATCHES[:20]:
            x[:], y[:] = batch
            yield x, y

    assert_same_state(trained(refilling())[0], trained(X[:160], Y[:160], batch_size=8)[0])


# End of data ----------------------------------------------------------------------------------------------------------


def test_the_next_fit_continues_where_the_last_ended():
    read = []
    source = reading(read)
    model, _ = trained(source, steps_per_epoch=5, epochs=2)
    kb.fit(model, source, steps_per_epoch=5, shuffle=False, verbose=0, seed=1)
    assert read == [*range(15)]
    assert_same_state(model, trained(X[:120], Y[:120], batch_size=8)[0])


def test_no_batch_is_read_before_the_callbacks_of_the_last():
    read, seen = [], []
    trained(reading(read), steps_per_epoch=6, callbacks=[OnBatchEnd(lambda *_: seen.append(len(read)))])
    assert seen == [2, 2, 3, 4, 5, 6]  # Keras reads two batches in advance


def test_a_generator_that_ends_early_is_warned_of_as_in_keras():
    with pytest.warns(UserWarning, match=RAN_OUT):
        model, history = trained(generator(BATCHES[:7]), steps_per_epoch=10)
    assert int(model.optimizer.iterations) == 7
    assert history.params["steps"] == 10


def test_a_generator_that_has_ended_is_warned_of_in_the_next_epoch():
    with pytest.warns(UserWarning, match=RAN_OUT):
        trained(generator(BATCHES), epochs=2)


def test_stop_training_in_the_middle_stops_at_once():
    def stop(model, batch):
        model.stop_training = batch == 3

    read = []
    model, _ = trained(reading(read), steps_per_epoch=10, callbacks=[OnBatchEnd(stop)])
    assert (int(model.optimizer.iterations), len(read), threads()) == (4, 4, [])


def test_an_infinite_loss_stops_the_thread_too():
    batches = [*BATCHES[:5], (X[:8] * np.inf, Y[:8]), *BATCHES[5:]]
    model, _ = trained(generator(batches), callbacks=[keras.callbacks.TerminateOnNaN()])
    assert (int(model.optimizer.iterations), threads()) == (6, [])


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("callbacks", [[], [OnBatchEnd(lambda *_: None)]], ids=["in a thread", "in the loop"])
def test_the_error_of_a_generator_reaches_the_user_and_earlier_steps_are_kept(callbacks):
    error = KeyError("of the user")
    model = seeded(linear)
    with pytest.raises(KeyError) as caught:
        kb.fit(model, failing(error, 7), verbose=0, seed=1, callbacks=callbacks)
    assert caught.value is error
    assert threads() == []
    kb.fit(model, X[56:80], Y[56:80], 8, shuffle=False, verbose=0, seed=1)
    assert_same_state(model, trained(X[:80], Y[:80], batch_size=8)[0])


def test_an_error_of_the_validations_generator_reaches_the_user():
    with pytest.raises(ZeroDivisionError):
        trained(X, Y, validation_data=failing(ZeroDivisionError(), 3))
    assert threads() == []


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_end"])
def test_an_interrupt_in_a_callback_ends_the_thread(hook):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(**{hook: interrupt})
    with pytest.raises(KeyboardInterrupt):
        trained(generator(BATCHES), callbacks=[callback])
    assert threads() == []


def test_leaving_a_stream_closes_what_it_reads():
    closed = []

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    stream = prefetch.prefetch(source())
    assert next(stream) == 1
    stream.close()
    assert closed == [True]
    assert threads() == []


@pytest.mark.parametrize("make", [generator, Batches])
def test_a_label_out_of_range_is_named_after_the_steps_before_it(make):
    batches = [(x, np.where(np.arange(8) == 6, 5, y) if k == 2 else y) for k, (x, y) in enumerate(BATCHES[:5])]
    model = seeded(linear)
    with pytest.raises(DataError, match=r"^y contains the label 5 in row 6: the model's 5 outputs take"):
        kb.fit(model, make(batches), shuffle=False, verbose=0, seed=1)
    assert int(model.optimizer.iterations) == 2
    with pytest.raises(DataError, match=r"^y contains the label 5 in row 6"):
        kb.evaluate(model, make(batches), verbose=0)


@pytest.mark.once
def test_texts_are_stacked_as_numbers_are_and_up_to_a_number_of_bytes():
    def stacks(length):
        batches = (Batch(np.array([["a" * length], [b"b"]], object), None, None) for _ in range(70))
        return [(stack.steps, stack.capacity) for stack in prefetch.stack_batches(batches)]

    assert stacks(3) == [(64, 64), (6, 64)]
    assert stacks(10**6) == [(17, 64)] * 4 + [(2, 64)]


def test_batches_of_objects_are_rejected_by_name(backend):
    if backend == "tensorflow":
        pytest.skip("objects may be strings")
    with pytest.raises(DataError, match=r"^Expected x to be numbers, received dtype object"):
        trained(generator([(np.array([object()] * 8), Y[:8])]), build=lambda: linear(1))


def test_steps_of_zero_are_rejected():
    with pytest.raises(ValueError, match="steps_per_epoch must be a whole number of 1 or more; received 0"):
        trained(X, Y, steps_per_epoch=0)


def test_a_source_that_is_read_to_its_end_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(Batches(BATCHES), epochs=2, steps_per_epoch=13)
