"""The parent process of these tests loads no framework; they need all three backends."""

import pytest

from kerasbridge.runtime import backend

MISSING = [name for name in backend.BACKENDS if name not in backend.installed()]


def pytest_collection_modifyitems(items):
    for item in items:
        if MISSING and "parity" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"needs all three backends; not installed: {', '.join(MISSING)}"))
