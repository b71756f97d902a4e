"""Every part of the step is left out once."""

import pytest

from kerasbridge.benchmark import step_profile


@pytest.mark.once
def test_every_variant_is_measured():
    measured = step_profile.measure(steps=2, rounds=1)
    assert list(measured) == list(step_profile.VARIANTS)
    assert min(measured.values()) > 0
    text = step_profile.as_text({"jax": measured, "torch": measured})
    assert text.splitlines()[0].split("|")[2].strip() == "jax"
    assert len(text.splitlines()) == 2 + len(step_profile.VARIANTS)


@pytest.mark.once
def test_a_variant_lacks_one_part_of_the_whole():
    whole = step_profile.VARIANTS["whole step"].build()
    without = {name: variant.build() for name, variant in step_profile.VARIANTS.items()}
    assert [type(layer).__name__ for layer in whole.layers] == ["Dense", "Dropout", "Dense"]
    assert len(without["without dropout"].layers) == 2
    assert type(without["SGD for Adam"].optimizer).__name__ == "SGD"
    assert without["20 weights, none of these"].count_params() == 20
