"""Control a headless Chromium over a pipe, with the standard library only."""

import base64
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT = 60.0  # seconds for one response; a hung browser is killed
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--hide-scrollbars", "--remote-debugging-pipe", "about:blank",
)  # fmt: skip


def find() -> str | None:
    """Return the path of Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """A page of a headless Chromium, which ends with the context.

    Attributes:
        complaints: console messages and uncaught exceptions since the page was opened.
        requests: the URLs requested since then.

    Raises:
        TimeoutError: the browser does not respond.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._last, self._session, self._unread = 0, "", b""
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> "Browser":
        self._profile = tempfile.mkdtemp(prefix="kerasbridge-browser-")
        for_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(2)]  # so that neither end is descriptor 3 or 4
        ends = [os.dup(for_browser), os.dup(from_browser)]
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, ends[0], 3),
            (os.POSIX_SPAWN_DUP2, ends[1], 4),
        ]
        command = [self._path, f"--user-data-dir={self._profile}", *OPTIONS]
        self._process = os.posix_spawn(self._path, command, os.environ, file_actions=actions, setpgroup=0)
        for end in (for_browser, from_browser, *spare, *ends):
            os.close(end)
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, page: Path | str, width: int, height: int, scheme: str = "light") -> None:
        """Open a file or an address in a window of this size in pixels, in the "light" or "dark" colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.complaints.clear()
        self.requests.clear()
        self._events.clear()
        self.call("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, or of its promise, which must be serialisable as JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ValueError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def drag(self, points: Sequence[tuple[float, float]], touch: bool = False) -> None:
        """Press the mouse, or put a finger, at the first of some points in the window, move, and release at the last.

        Args:
            points: x and y in pixels from the upper left corner.
            touch: use a finger.
        """
        for x, y in points[:1]:
            self._point("touchStart" if touch else "mousePressed", x, y)
        for x, y in points:
            self._point("touchMove" if touch else "mouseMoved", x, y)
        for x, y in points[-1:]:
            self._point("touchEnd" if touch else "mouseReleased", x, y)

    def choose_file(self, expression: str, path: Path) -> None:
        """Choose a file in the input element that a JavaScript expression returns."""
        element = self.call("Runtime.evaluate", expression=expression)["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], objectId=element)

    def _point(self, kind: str, x: float, y: float) -> None:
        if kind.startswith("touch"):
            points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        else:
            pressed = {"button": "left", "buttons": 1, "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def screenshot(self) -> bytes:
        """Return the whole page as PNG, including the part below the window."""
        width, height = self.evaluate("[innerWidth, Math.ceil(document.documentElement.scrollHeight)]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(picture["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol, https://chromedevtools.github.io/devtools-protocol/."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda found: found.get("id") == message["id"])
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def _until(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + TIMEOUT
        for known in self._events:
            if wanted(known):
                return known
        while True:
            message = self._next(end)
            self._note(message)
            if wanted(message):
                return message

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError(f"{self._path} did not respond within {TIMEOUT:g} s, or ended.")
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method:
            self._events.append(message)
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(parameters))
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
