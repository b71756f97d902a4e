"""The garbage collector while a framework is imported."""

import gc

import pytest

from kerasbridge.runtime import collector


@pytest.mark.parametrize("was_enabled", [True, False])
def test_the_collector_is_paused_and_then_as_before(was_enabled):
    (gc.enable if was_enabled else gc.disable)()
    try:
        with collector.paused_collector():
            assert not gc.isenabled()
        assert gc.isenabled() == was_enabled
        assert gc.get_freeze_count() == 0
    finally:
        gc.enable()


def test_only_a_program_of_kerasbridge_exempts_what_was_imported(monkeypatch):
    monkeypatch.setattr(collector, "_is_own_program", False)
    collector.declare_own_program()
    try:
        with collector.paused_collector():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
