"""The server of `kerasbridge demo`: one page, and the answers of each backend's process to a picture."""

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kerasbridge import mnist, runs
from kerasbridge.cli.own_run import has_own_data
from kerasbridge.errors import ArgumentError, DataError, RunFolderError
from kerasbridge.parity.workers import check_backends
from kerasbridge.runs import palette
from kerasbridge.runtime import backend, signals
from kerasbridge.runtime.conversation import ChildEnded, Conversation

HOST = "127.0.0.1"
MAX_BYTES = 2**26
"""Bytes of a picture that are read; a photo has a tenth of that."""

_WORKER = "kerasbridge.cli.demo.worker"
_TIMEOUT = 600.0  # seconds for one answer, with the start of the framework
_LOCAL = (HOST, "localhost")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def serve(run: Path, backends: Sequence[str] | None, device: str | None, port: int) -> None:
    """Show the page until Ctrl-C, and print its address.

    Args:
        run: the run whose model is chosen first; the page offers the others in the same folder.
        backends: those to ask; None for all that are installed.
        device: their device; None to let each choose.
        port: of the page; 0 for any that is free.

    Raises:
        RunFolderError: the folder contains no run, or the run has no model, or one of other data than digits.
        ArgumentError, BackendNotInstalled, DeviceError: a backend, the device or the port cannot be used.
    """
    names = check_backends(backends, at_least=1)
    loaded = runs.load(run)
    chosen = loaded.name
    if has_own_data(loaded):
        raise RunFolderError(
            f"Expected a run that was trained on digits, received {run}, with other data. Use kerasbridge predict."
        )
    found = find_runs(run)
    if chosen not in found:
        raise RunFolderError(f"{run} contains no model: use another run, or train it again.")
    threads = max(1, (os.cpu_count() or 1) // len(names))
    environments = {name: backend.child_environment(name, device, threads=threads) for name in names}
    with contextlib.ExitStack() as stack:
        children = {
            name: stack.enter_context(Conversation(_WORKER, environment=environment))
            for name, environment in environments.items()
        }
        server = stack.enter_context(_listen(port, children, found, chosen))
        print(f"Draw a digit: http://{HOST}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        server.warm_up()
        try:
            with signals.taking_effect():
                server.serve_forever()
        except KeyboardInterrupt:
            print("\nEnded.")


def find_runs(run: Path) -> dict[str, runs.Run]:
    """Return the runs that have a model of digits, by name, of the folder that contains a run, newest first."""
    found = runs.list(run.resolve().parent)
    return {each.name: each for each in reversed(found) if each.model_path.is_file() and not has_own_data(each)}


class Server(ThreadingHTTPServer):
    """Answers the page, each request in a thread of its own.

    Args:
        port: 0 for any that is free.
        children: the process of each backend.
        found: the runs of a folder, by name.
        chosen: the name of the one that is chosen first.

    Raises:
        OSError: the port cannot be used.
    """

    daemon_threads = True

    def __init__(
        self, port: int, children: Mapping[str, Conversation], found: dict[str, runs.Run], chosen: str
    ) -> None:
        self._children, self._runs, self._chosen = children, found, chosen
        self._run = found[chosen].folder
        super().__init__((HOST, port), _Handler)

    def warm_up(self) -> None:
        """Let each process import its framework and load the chosen model, before the page asks for an answer."""
        for name in self._children:
            threading.Thread(target=self.answer, args=(name, self._chosen, b""), daemon=True).start()

    def setup(self) -> dict[str, Any]:
        """Return the backends, and the runs that there are now."""
        self._runs = find_runs(self._run)
        described = [{"name": name, "label": _label(run)} for name, run in self._runs.items()]
        return {"backends": [*self._children], "runs": described, "chosen": self._chosen, "max_bytes": MAX_BYTES}

    def answer(self, name: str, run: str, picture: bytes) -> dict[str, Any] | None:
        """Return the answer of a backend.

        Args:
            name: the backend.
            run: the name of the run.
            picture: the bytes of a picture file; empty to load the model only.

        Returns:
            "probabilities", and "pixels", the input of the model; or "error"; nothing if there is no picture. None if
            there is no such backend or run.
        """
        child, found = self._children.get(name), self._runs.get(run)
        if child is None or found is None:
            return None
        try:
            pixels = _read(picture) if picture else None
            request = {"run": str(found.folder.absolute()), "pixels": pixels}
            return {**child.ask(request, _TIMEOUT), **({"pixels": pixels} if picture else {})}
        except DataError as error:
            return {"error": str(error)}
        except ChildEnded as ended:
            return {"error": ended.result.failure_message()}


def _listen(port: int, children: Mapping[str, Conversation], found: dict[str, runs.Run], chosen: str) -> Server:
    try:
        return Server(port, children, found, chosen)
    except OSError as error:
        raise ArgumentError(
            f"Expected --port to be free, received {port}: {error.strerror}. Choose another, or none for any."
        ) from error


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Send the page, or as JSON what it offers."""
        if self._may_read() and self.path == "/":
            self._send(_page().encode(), "text/html; charset=utf-8")
        elif self._may_read() and self.path == "/setup":
            self._send_json(self.server.setup())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Send the answer of a backend to the picture in the body."""
        length = self.headers.get("Content-Length", "")
        if not self._may_read() or not length.isdecimal() or int(length) > MAX_BYTES:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        picture, address = self.rfile.read(int(length)), urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        answer = None
        if address.path == "/answer":
            answer = self.server.answer(query.get("backend", ""), query.get("run", ""), picture)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send_json(answer)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def _may_read(self) -> bool:
        """Return whether a page of this server asks, not one of another site whose name leads to this machine."""
        addresses = (f"//{self.headers.get('Host', '')}", self.headers.get("Origin") or f"//{HOST}")
        try:
            return all(urlsplit(address).hostname in _LOCAL for address in addresses)
        except ValueError:
            return False

    def _send_json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@lru_cache(maxsize=2)  # each backend asks for the same picture
def _read(picture: bytes) -> list[list[int]]:
    """Return the pixels of a digit as `kerasbridge predict` reads them."""
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        path = Path(folder, "picture")
        path.write_bytes(picture)
        try:
            pixels: list[list[int]] = mnist.read(path).tolist()
            return pixels
        except DataError as error:
            raise DataError(str(error).replace(str(path), "The picture")) from error


def _page() -> str:
    page = resources.files("kerasbridge.cli.demo").joinpath("page.html").read_text(encoding="utf-8")
    return page.replace("/* colours */\n", palette.css())


def _label(run: runs.Run) -> str:
    accuracy = run.config.test.get("accuracy")
    score = "" if accuracy is None else f", accuracy {accuracy:.4f}"
    return f"{run.name}: {run.config.model}, trained on {run.config.backend}{score}"
