"""Processes of kerasbridge's own: how one is started, and what is passed on of what it said where it fails."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.errors import KerasbridgeError

_LINES_SHOWN = 12
_CHARACTERS_SHOWN = 300


def child_command(module: str, *paths: Path) -> list[str]:
    """What starts a module of kerasbridge's, with paths as its arguments."""
    # -P: a calendar.py in the current folder is not Python's.
    return [sys.executable, "-P", "-m", module, *map(str, paths)]


def failure_message(code: int, words: str) -> str:
    """One line where the child says what is wrong on purpose (exit code 2), else the end of its traceback."""
    lines = words.strip().splitlines() or ["it said nothing"]
    if code == 2:
        return lines[-1]
    shown = "\n".join(lines[-_LINES_SHOWN:])
    return f"the process ended with code {code}:\n{shown}"


def one_line(error: BaseException) -> str:
    """An error in one line: its type, unless it is kerasbridge's own, and the beginning of what it says."""
    said = " ".join(str(error).split())
    shown = said if len(said) <= _CHARACTERS_SHOWN else f"{said[:_CHARACTERS_SHOWN]} …"
    return shown if isinstance(error, KerasbridgeError) else f"{type(error).__name__}: {shown}"


@contextlib.contextmanager
def exit_with_message() -> Iterator[None]:
    """In a child whose parent goes on where it fails: any error becomes the last line on stderr, and exit code 2."""
    try:
        yield
    except Exception as error:
        print(one_line(error), file=sys.stderr)
        sys.exit(2)
