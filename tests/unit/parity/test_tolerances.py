"""The table of tolerances."""

import pytest

from kerasbridge.parity import tolerances


def test_every_row_has_a_reason():
    assert all(row.reason for row in tolerances.TABLE.values())


@pytest.mark.parametrize("kind", tolerances.TABLE)
def test_a_tolerance_scales_with_the_rounding_of_the_dtype(kind):
    wide, narrow = (tolerances.tolerance(dtype, kind) for dtype in ("float64", "float32"))
    assert narrow == wide * 2**29
    assert narrow < 1e-4


def test_copied_values_must_be_equal():
    assert [kind for kind in tolerances.TABLE if not tolerances.tolerance("float32", kind)] == ["input", "weights"]
