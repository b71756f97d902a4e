"""The commands of README and of the pages that a newcomer follows run in order, word for word.

A Python block whose first line is the comment `# NAME.py` is saved under this name; the others are one script, which
runs before the next command. Commands that install something are left out.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.paths import ROOT

BLOCK = re.compile(r"^```(python|shell)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
INSTALL = re.compile(r'pip install (-e "\.\[[a-z,]+\]"|nox)( && nox$| && )?')
SERVES = "kerasbridge demo "
TIMEOUT = 300

pytestmark = pytest.mark.once


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with the examples of a checkout, and no other runs."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def environment():
    """Return the environment of a user, whose choice of a backend is that of the command."""
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(paths), "KERAS_BACKEND": "jax"}


def run(command, folder):
    """Run a line in a shell; return its output, or the problem."""
    child = subprocess.run(
        command, shell=True, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TIMEOUT,
    )  # fmt: skip
    assert child.returncode == 0, f"{command}\n{child.stdout}\n{child.stderr}"


def serve(command, folder):
    """Run a line that serves a page, until it has printed an address and Ctrl-C is pressed."""
    options = {"cwd": folder, "env": environment(), "stdout": subprocess.PIPE, "text": True}
    # a background job of a shell ignores Ctrl-C, and would pass that on
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(["bash", "-c", f"exec {command}"], **options)
    finally:
        signal.signal(signal.SIGINT, before)
    last = threading.Timer(TIMEOUT, child.kill)
    last.start()
    with child:
        line = next((line for line in child.stdout if "http://127.0.0.1:" in line), "")
        child.send_signal(signal.SIGINT)
        child.stdout.read()
    last.cancel()
    assert (child.returncode, bool(line)) == (0, True), command


def follow(page, folder):
    """Do what a page asks for, up to its last command; return the commands that were run."""
    done, code = [], []
    for kind, text in BLOCK.findall(page):
        if kind == "python":
            file = FILE.match(text)
            (folder / file[1]).write_text(text, "utf-8") if file else code.append(text)
            continue
        if code:
            (folder / "script.py").write_text("\n".join(code), "utf-8")
            run(f"{sys.executable} script.py", folder)
            code = []
        for line in text.splitlines():
            command = INSTALL.sub("", line)
            if command.strip():
                (serve if command.startswith(SERVES) else run)(command, folder)
                done.append(command)
    return done


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/quickstart.md",
        pytest.param("docs/your-own-table.md", marks=pytest.mark.long),
        pytest.param("docs/your-own-images.md", marks=pytest.mark.long),
    ],
)
def test_the_commands_of_a_page_run_in_order(name, checkout):
    assert len(follow((ROOT / name).read_text("utf-8"), checkout)) >= 4


def test_a_command_that_fails_is_shown(checkout):
    with pytest.raises(AssertionError, match="no such run"):
        follow("```shell\npip install nox && nox\necho no such run && false\n```", checkout)
