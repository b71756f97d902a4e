"""A pytest plugin that runs the tests of Keras with `fit`, `evaluate` and `predict` of kerasbridge.

    python -m pytest -c tests/keras_suite/pytest.ini -p tests.keras_suite.plugin --pyargs keras.src.callbacks

It skips the tests in not_applying.toml, and prints how many calls stock Keras ran, or were not compiled, and why.
"""

import contextlib
import fnmatch
import logging
import sys
import tomllib
from pathlib import Path

import pytest

import tests.keras_suite.frameworks  # isort: skip  # noqa: F401
import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.keras_suite.counting import NAMES, Counts, counting

BACKEND = keras.config.backend()
KERAS = Path(keras.__file__).parent / "src"
LIST = Path(__file__).with_name("not_applying.toml")
MARKERS = ("requires_trainable_backend: not run on NumPy and OpenVINO", "multi_device: needs more than one device")

counts, patches = Counts(), contextlib.ExitStack()
sys.modules.setdefault("conftest", sys.modules[__name__])  # Keras does not install its conftest


def skip_if_backend(backend, reason):
    """Copy of a function in the conftest of Keras."""
    return pytest.mark.skipif(backend == BACKEND, reason=reason)


def pytest_report_header():
    return f"Keras {keras.__version__} on {BACKEND}, trained by kerasbridge {kb.__version__}"


def pytest_configure(config):
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    logging.getLogger("kerasbridge").addHandler(counts)
    patches.enter_context(counting(counts.stock))
    patches.enter_context(kb.as_keras_fit())
    patches.enter_context(counting(counts.calls))


def pytest_unconfigure():
    patches.close()
    logging.getLogger("kerasbridge").removeHandler(counts)


def pytest_collection_modifyitems(config, items):
    entries = tomllib.loads(LIST.read_text("utf-8"))["tests"]
    names = {item: _name_of(item) for item in items}
    for entry in entries:
        matching = [item for item, name in names.items() if fnmatch.fnmatchcase(name, entry["name"])]
        if BACKEND in entry.get("backends", [BACKEND]):
            for item in matching:
                item.add_marker(pytest.mark.skip(reason=entry["reason"]))
        if not matching and _is_whole(config, items, entry["name"].partition("::")[0]):
            raise pytest.UsageError(f"{LIST.name}: no test is called {entry['name']}; fix its name or remove it.")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("kerasbridge in the place of " + ", ".join(NAMES))
    for line in counts.lines():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.OK and counts.unexplained():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _name_of(item):
    """Return File::Class::test, with the file relative to the sources of Keras."""
    return "::".join([item.path.relative_to(KERAS).as_posix(), *item.nodeid.split("::")[1:]])


def _is_whole(config, items, file):
    """Return whether all tests of a file were collected."""
    picked = config.option.keyword or config.option.markexpr or any("::" in argument for argument in config.args)
    return not picked and any(item.path == KERAS / file for item in items)
