"""For the script that a page's blocks become: a block that has to raise what the page says."""

import contextlib
import re


@contextlib.contextmanager
def raises(words):
    """The body raises an error with these words; "…" stands for any, and one white space is like another."""
    pattern = ".*".join(re.escape(part) for part in " ".join(words.split()).split("…"))
    try:
        yield
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        assert re.fullmatch(pattern, said), f"expected {words!r}, received {said!r}"
    else:
        raise AssertionError(f"expected {words!r}, and nothing was raised")
