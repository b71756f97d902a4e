"""The server of `kerasbridge demo`, with stand-ins for the processes of the backends."""

import io
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest
import rich.console  # noqa: F401, reads COLUMNS in the environment that is there when it is imported
from PIL import Image
from typer.testing import CliRunner

from kerasbridge import mnist
from kerasbridge.cli import app
from kerasbridge.cli.demo import server as demo
from kerasbridge.runtime import backend
from kerasbridge.runtime.conversation import ChildEnded
from kerasbridge.runtime.subprocesses import ChildResult
from tests.paths import ROOT
from tests.unit.cli.test_cli_runs import save

PHOTO = ROOT / "examples" / "digits" / "3-photo.jpg"


class Child:
    """A stand-in for the process of a backend: it keeps the requests."""

    def __init__(self, answer):
        self.requests, self._answer = [], answer

    def ask(self, request, timeout):
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Runs in the current folder: two of digits, one of a table, and one that was interrupted."""
    monkeypatch.chdir(tmp_path)
    save("old", test={"accuracy": 0.5}, age=timedelta(days=1))
    save("new")
    save("houses", data={"source": "houses.csv", "form": {}})
    save("interrupted", finish=False)
    return tmp_path / "runs"


@pytest.fixture
def children():
    crashed = ChildEnded(ChildResult(-11, b"", "out of luck"))
    return {"jax": Child({"probabilities": [0.1] * 10}), "torch": Child(crashed)}


@pytest.fixture
def ask(runs, children):
    """Request something from the server: return its answer, or the status code of an error."""
    with demo.Server(0, children, demo.find_runs(runs / "old"), "old") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def request(path, data=None, **headers):
            address = f"http://127.0.0.1:{server.server_port}{path}"
            try:
                with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code

        yield request
        server.shutdown()
        thread.join()


def test_the_page_needs_nothing_from_elsewhere_and_is_short(ask):
    text = ask("/")
    assert "--c0: #" in text
    assert re.findall(r"""(?:https?:|src=|@import|href="(?!data:)).*""", text) == []
    assert len(resources.files(demo.__package__).joinpath("page.html").read_text("utf-8").splitlines()) <= 200


def test_it_offers_the_backends_and_the_runs_that_have_a_model_newest_first(ask):
    setup = json.loads(ask("/setup"))
    assert (setup["backends"], setup["chosen"]) == (["jax", "torch"], "old")
    assert [run["name"] for run in setup["runs"]] == ["new", "old"]
    assert setup["runs"][1]["label"].endswith(", accuracy 0.5000")
    save("newest")
    assert [run["name"] for run in json.loads(ask("/setup"))["runs"]] == ["newest", "new", "old"]


def test_each_backend_answers_with_the_digit_as_predict_reads_it(ask, children, runs):
    picture, pixels = PHOTO.read_bytes(), mnist.read(PHOTO).tolist()
    answer = json.loads(ask("/answer?backend=jax&run=new", picture))
    assert answer == {"probabilities": [0.1] * 10, "pixels": pixels}
    assert children["jax"].requests == [{"run": str(runs / "new"), "pixels": pixels}]
    assert "ended by SIGSEGV:\nout of luck" in json.loads(ask("/answer?backend=torch&run=new", picture))["error"]
    assert children["torch"].requests == children["jax"].requests


def test_without_a_picture_the_model_is_loaded_only(ask, children):
    assert "pixels" not in json.loads(ask("/answer?backend=jax&run=old", b""))
    assert children["jax"].requests[0]["pixels"] is None


def test_a_picture_without_a_digit_is_one_sentence_and_asks_no_backend(ask, children):
    blank = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(blank, "PNG")
    answer = json.loads(ask("/answer?backend=jax&run=old", blank.getvalue()))
    assert answer["error"].startswith("The picture is blank: expected a digit")
    assert children["jax"].requests == []


@pytest.mark.parametrize(
    ("path", "data", "headers", "code"),
    [
        ("/", None, {"Host": "elsewhere.example"}, 404),
        ("/setup", None, {"Host": "elsewhere.example:80"}, 404),
        ("/setup", None, {"Host": "[elsewhere"}, 404),
        ("/answer?backend=jax&run=old", b"", {"Origin": "https://elsewhere.example"}, 400),
        ("/answer?backend=jax&run=old", b"", {"Content-Length": str(demo.MAX_BYTES + 1)}, 400),
        ("/answer?backend=jax&run=..", b"", {}, 404),
        ("/answer?backend=jax&run=interrupted", b"", {}, 404),
        ("/answer?backend=numpy&run=old", b"", {}, 404),
        ("/other?backend=jax&run=old", b"", {}, 404),
        ("/../page.html", None, {}, 404),
    ],
)
def test_other_sites_and_unknown_names_are_refused(ask, children, path, data, headers, code):
    assert ask(path, data, **headers) == code
    assert children["jax"].requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runs"], "runs contains no run"),
        (["runs/interrupted"], "runs/interrupted contains no model"),
        (["runs/houses"], "Expected a run that was trained on digits, received runs/houses"),
        (["runs/old", "--backends", "numpy"], "received 'numpy'"),
        (["runs/old", "--device", "quantum"], "received 'quantum'"),
        (["runs/old", "--port", "{used}"], "Expected --port to be free, received {used}"),
    ],
)
def test_a_wrong_argument_prints_one_line(runs, monkeypatch, arguments, words):
    monkeypatch.setattr(backend, "_is_installed", lambda name: name == "jax")
    monkeypatch.setattr(demo, "_WORKER", "kerasbridge._version")
    listed, find_runs = [], demo.find_runs
    monkeypatch.setattr(demo, "find_runs", lambda run: listed.append(run) or find_runs(run))
    with socket.create_server((demo.HOST, 0)) as used:
        port = str(used.getsockname()[1])
        result = CliRunner().invoke(app, ["demo", *(each.format(used=port) for each in arguments)])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert words.format(used=port) in result.stderr
    assert len(listed) <= 1  # reading a folder of many runs takes seconds
    assert Path("runs", "old").is_dir()
