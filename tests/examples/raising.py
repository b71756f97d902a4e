"""Context manager for code blocks of a page that must raise the error quoted on the page."""

import contextlib
import re


@contextlib.contextmanager
def raises(text):
    """Assert that the body raises an error with this text; "…" matches anything, and white space is normalised."""
    pattern = ".*".join(re.escape(part) for part in " ".join(text.split()).split("…"))
    try:
        yield
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        assert re.fullmatch(pattern, message), f"expected {text!r}, received {message!r}"
    else:
        raise AssertionError(f"expected {text!r}, and nothing was raised")
