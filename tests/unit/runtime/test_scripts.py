"""A function of the user's is found by its file and its name."""

import pytest

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.scripts import check_script, load_function, script_of


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def build():\n    return 7\n\nvalue = 3\n\ndef outer():\n    def inner(): pass\n    return inner\n"
    )
    return path


def test_a_function_is_named_by_its_file_and_called_from_there(script):
    build = load_function(f"{script}:build")
    assert script_of(build) == f"{script}:build"
    assert build() == 7


@pytest.mark.parametrize("name", ["missing", "value"])
def test_a_file_without_the_function_is_refused(script, name):
    with pytest.raises(ArgumentError, match=f"^Expected a function {name} in .*mine.py, which does not define one.$"):
        load_function(f"{script}:{name}")


def test_a_function_that_another_process_cannot_import_is_refused(script):
    for function in (lambda: 1, load_function(f"{script}:outer")(), len):
        with pytest.raises(ArgumentError, match=r"^Expected a function defined with def at the top level"):
            script_of(function)


@pytest.mark.parametrize("text", ["mine.py", "mine.py:", ":build", "mine.py:a b", "missing.py:build"])
def test_a_text_that_names_no_function_is_refused(text):
    with pytest.raises(ArgumentError, match=r"^Expected a script and a function in it"):
        check_script(text)
