"""Class weights in every form train as the dict of Keras; others are named in one sentence."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError
from tests.backend.data.test_adapters import Batches, X, Y, cut, trained
from tests.backend.models import assert_same_state

pytestmark = pytest.mark.once
WEIGHTS = {0: 0.5, 1: 1.0, 2: 3.0, 3: 1.0, 4: 0.0}


def test_every_form_trains_as_the_dict():
    expected = trained(X, Y, batch_size=8, class_weight=WEIGHTS)[0]
    as_list = list(WEIGHTS.values())
    as_keys = [{str(key): weight for key, weight in WEIGHTS.items()}, {np.int8(key): WEIGHTS[key] for key in WEIGHTS}]
    for weights in (as_list, tuple(as_list), np.array(as_list, "float32"), *as_keys):
        assert_same_state(trained(X, Y, batch_size=8, class_weight=weights)[0], expected)
    assert_same_state(trained(Batches(cut(X, Y)), class_weight=as_list)[0], expected)


def test_balanced_weights_are_inversely_proportional_to_the_samples_of_a_class():
    counts = np.bincount(Y.ravel().astype(int), minlength=5)
    expected = trained(X, Y, batch_size=8, class_weight={label: 203 / 5 / counts[label] for label in range(5)})[0]
    assert_same_state(trained(X, Y, batch_size=8, class_weight="balanced")[0], expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"cat": 1.0}, r"^Expected class_weight to be a dict \{class number: weight\}, received the key 'cat'\."),
        ({0: "a lot"}, r"^Expected the weights in class_weight to be finite numbers, received 'a lot'\.$"),
        ([[1.0, 2.0]], r'an array with a weight per class, or "balanced"; received \[\[1.0, 2.0\]\]\.$'),
        ("even", r"received 'even'\.$"),
        (3, r"received 3\.$"),
    ],
)
def test_other_forms_are_named(weights, message):
    with pytest.raises(ArgumentError, match=message):
        trained(X, Y, class_weight=weights)


@pytest.mark.parametrize("shape", [(203, 3), (203, 3, 5)])
def test_labels_of_which_a_sample_has_several_are_refused(shape):
    labels = np.arange(np.prod(shape)).reshape(shape) % 5
    with pytest.raises(ArgumentError, match=r"received an array of shape \(203, 3.*0 to 4\. Pass sample_weight"):
        trained(X, labels, class_weight=WEIGHTS)


def test_balanced_weights_need_the_labels():
    with pytest.raises(ArgumentError, match=r'^Expected one array y with class_weight="balanced"'):
        trained(Batches(cut(X, Y)), class_weight="balanced")


def test_warnings_name_the_argument_and_the_line_of_the_user():
    model = trained(X, Y)[0]
    batches = cut(X[:16], Y[:16])
    for name, source in (("generator gave 2 batches instead of 5", iter), ("gives 2 batches", Batches)):
        data = Batches(batches) if source is Batches else (batch for batch in batches)
        with pytest.warns(UserWarning, match=rf"{name}.*validation_steps") as found:
            kb.fit(model, X, Y, validation_data=data, validation_steps=5, verbose=0)
        ours = [warning for warning in found if "validation_steps" in str(warning.message)]
        assert [warning.filename for warning in ours] == [__file__]
    with pytest.raises(ArgumentError, match=r"^validation_steps must be a whole number of 1 or more; received 0\.$"):
        kb.fit(model, X, Y, validation_data=(X, Y), validation_steps=0, verbose=0)
