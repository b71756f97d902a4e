"""Accuracy, loss, confusion and differences are those of the predictions."""

import numpy as np
import pytest

from kerasbridge.evaluation.classification_report import Difference, Mistake, Scores

LABELS = np.array([0, 1, 2, 2], np.uint8)
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0, 0, 1]], np.float32)


@pytest.fixture
def scores():
    return Scores(LABELS, PROBABILITIES)


def test_accuracy_is_the_share_of_right_predictions_and_loss_the_mean_cross_entropy(scores):
    assert scores.accuracy == 0.5
    assert scores.loss == pytest.approx(-np.log([0.5, 0.25, 0.125, 1 - 1e-7]).mean(), rel=1e-12)
    assert scores.metrics == {"accuracy": scores.accuracy, "loss": scores.loss}


def test_a_zero_probability_has_the_loss_of_keras():
    assert Scores(np.array([0]), np.array([[0.0, 1.0]])).loss == pytest.approx(-np.log(1e-7))


def test_the_confusion_counts_by_label_and_prediction(scores):
    assert scores.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]


def test_many_labels_of_one_byte_are_counted_where_they_belong():
    nines = Scores(np.full(300, 9, np.uint8), np.eye(10)[np.full(300, 8)])
    assert nines.confusion[9, 8] == nines.confusion.sum() == 300


def test_mistakes_begin_with_the_most_confident(scores):
    assert scores.mistakes == [Mistake(2, 2, 1, 0.75), Mistake(1, 1, 0, 0.5)]


def test_nothing_differs_from_the_same_mistakes(scores):
    assert scores.changed_since({1: 0, 2: 1}) == []


def test_changed_predictions_are_differences(scores):
    assert scores.changed_since({2: 0, 3: 1, 99: 5}) == [
        Difference(1, 1, then=1, now=0),
        Difference(2, 2, then=0, now=1),
        Difference(3, 2, then=1, now=2),
    ]
