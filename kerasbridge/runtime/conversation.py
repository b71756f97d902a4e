"""A child process that stays alive: the parent asks, the child answers, each in one line of JSON.

The worker module calls `answer_requests`; the parent asks through a `Conversation`. Everything else that the child
prints goes to its stderr, so that a framework's notices do not disturb the answers.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from kerasbridge.runtime import signals
from kerasbridge.runtime.subprocesses import ChildResult


class ChildEnded(Exception):
    """The child ended instead of answering; `result` describes how."""

    def __init__(self, result: ChildResult) -> None:
        super().__init__(result.failure_message())
        self.result = result


class Conversation:
    """A child process that answers requests, of one thread at a time; leaving the `with` block ends it.

    Args:
        module: the module of kerasbridge that the child runs.
        arguments: its arguments, passed as text.
        environment: all its environment variables.
    """

    def __init__(self, module: str, *arguments: object, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._child = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr
        )
        self._timed_out = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: Mapping[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Send a request and return the answer.

        Args:
            request: anything that JSON can encode.
            timeout: seconds after which the child is ended; None for no limit.

        Raises:
            ChildEnded: it crashed, did not answer in time, or ended before.
        """
        with self._lock:
            timer = threading.Timer(timeout or 0, self._end_late)
            if timeout is not None:
                timer.start()
            try:
                with signals.taking_effect():
                    line = self._exchange(json.dumps(request))
            finally:
                timer.cancel()
            if not line:
                raise ChildEnded(self._result())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the child, whatever it does."""
        self._child.kill()
        self._child.wait()
        with self._lock:  # not while another thread reads the end of its answer
            for stream in (self._child.stdin, self._child.stdout, self._stderr):
                try:
                    if stream is not None:
                        stream.close()
                except OSError:  # a request that could not be sent any more
                    pass

    def _exchange(self, request: str) -> bytes:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(f"{request}\n".encode())
            self._child.stdin.flush()
            return self._child.stdout.readline()
        except (OSError, ValueError):  # ValueError: it was closed
            return b""

    def _end_late(self) -> None:
        self._timed_out = True
        self._child.kill()

    def _result(self) -> ChildResult:
        code = self._child.wait()
        if self._stderr.closed:
            return ChildResult(code, b"", "")
        self._stderr.seek(0)
        return ChildResult(None if self._timed_out else code, b"", self._stderr.read().decode(errors="replace"))


def answer_requests(answer: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Answer the requests of the parent until it closes the conversation or ends.

    Ctrl-C, which a terminal sends to the whole group of processes, is left to the parent.

    Args:
        answer: called with each request; its result is sent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        sys.stdout = sys.stderr
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
