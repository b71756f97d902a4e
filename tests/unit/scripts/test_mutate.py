"""scripts/mutations.toml matches the code: a row with a renamed text or test would find nothing."""

import runpy

import pytest

from tests.paths import ROOT

SCRIPT = runpy.run_path(ROOT / "scripts" / "mutate.py", run_name="mutate")


def test_every_row_fits_the_code():
    mutations = SCRIPT["read_table"]()
    assert len({mutation.name for mutation in mutations}) == len(mutations) > 100
    assert [error for mutation in mutations for error in SCRIPT["row_errors"](mutation)] == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"old": "ROOT"}, "found it 3 times"),
        ({"old": "no such text"}, "found it 0 times"),
        ({"file": "no_such_file.py"}, "found it 0 times"),
        ({"tests": ["tests/no_such_file.py"]}, "expected the test tests/no_such_file.py, found none"),
        ({"tests": ["tests/paths.py::test_none[1]"]}, "expected the test tests/paths.py::test_none[1], found none"),
    ],
)
def test_a_stale_row_is_reported(row, message):
    fitting = {"name": "broken", "file": "tests/paths.py", "old": "EXAMPLES = ", "new": "", "tests": ["tests/paths.py"]}
    assert list(SCRIPT["row_errors"](SCRIPT["Mutation"](**fitting))) == []
    (error,) = SCRIPT["row_errors"](SCRIPT["Mutation"](**{**fitting, **row}))
    assert message in error
