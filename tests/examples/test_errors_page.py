"""docs/errors.md lists every error with the current messages; test_readme.py runs its Python blocks."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerasbridge import errors
from kerasbridge.runtime import backend
from tests.examples.raising import raises
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
RUN = re.compile(r"^```(python raises|shell)\n(.*?)^```$\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [(command, message) for language, command, message in RUN.findall(PAGE) if language == "shell"]
QUOTED = re.findall(r"^```text\n(.*?)^```$", RUN.sub("", PAGE), re.MULTILINE | re.DOTALL)
CLASSES = [one for one in vars(errors).values() if inspect.isclass(one) and one is not errors.KerasbridgeError]


def templates():
    """Yield every string in the source of the package, with "…" for formatted values."""
    for path in (ROOT / "kerasbridge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_every_error_is_on_the_page_with_its_base_classes(one):
    bases = ", ".join(base.__name__ for base in one.__bases__ if base is not errors.KerasbridgeError)
    assert f"\n## {one.__name__}\n" in PAGE
    assert re.search(rf"^\| \[{one.__name__}\]\(#{one.__name__.lower()}\) \| .+ \| {bases} \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "message"), COMMANDS)
@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") not in (None, backend.installed()[0]), reason="the same on each")
def test_a_command_prints_the_message_on_the_page(command, message, tmp_path):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    child = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert child.returncode != 0
    assert " ".join(child.stderr.splitlines()[-1].split()) == " ".join(message.split())


def test_messages_that_cannot_be_provoked_here_are_in_the_source():
    source = {" ".join(template.split()) for template in templates()}
    for message in QUOTED:
        name, _, words = " ".join(message.split()).partition(": ")
        assert name in vars(errors)
        assert words in source


def test_a_wrong_message_and_a_missing_error_are_detected():
    with pytest.raises(AssertionError, match="received 'ValueError: one two'"), raises("ValueError: one … three"):
        raise ValueError("one two")
    with pytest.raises(AssertionError, match="nothing was raised"), raises("ValueError: …"):
        pass
    with raises("ValueError: one … three"):
        raise ValueError("one\n  two three")
