"""The parent of these tests loads no framework; without all three there is nothing to hold beside each other."""

import pytest

from kerasbridge.runtime import backend

MISSING = [name for name in backend.BACKENDS if name not in backend.installed()]


def pytest_collection_modifyitems(items):
    for item in items:
        if MISSING and "parity" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"needs all three backends; not installed: {', '.join(MISSING)}"))
