"""Short descriptions of values in a file, which may be of any size, for messages."""

from typing import Any

_MAX_LETTERS = 60
_MAX_ITEMS = 8


def describe(value: Any) -> str:
    """Return a value as text if it is short: a number, text, or a few of these; else its type.

    >>> describe((2, 3)), describe([[1]]), describe("a" * 100)
    ('(2, 3)', 'a list', "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa …'")
    """
    if isinstance(value, str | bytes):
        return f"{value[:_MAX_LETTERS]!r}" if len(value) <= _MAX_LETTERS else f"{value[:_MAX_LETTERS]!r}"[:-1] + " …'"
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 200):
        return repr(value)
    if isinstance(value, list | tuple) and len(value) <= _MAX_ITEMS:
        items = [describe(item) for item in value if not isinstance(item, list | tuple | dict)]
        if len(items) == len(value):
            return f"({', '.join(items)})"
    return f"a {type(value).__name__}"
