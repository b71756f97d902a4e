"""One Chromium for the tests of a file, which are skipped if it is missing."""

import importlib.util

import pytest

from tests.paths import ROOT

DRIVER = ROOT / "scripts" / "browser.py"


@pytest.fixture(scope="module")
def chromium():
    spec = importlib.util.spec_from_file_location("browser", DRIVER)
    browser = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(browser)
    path = browser.find()
    if path is None:
        pytest.skip(f"none of {', '.join(browser.NAMES)} is on the PATH")
    with browser.Browser(path) as opened:
        yield opened
