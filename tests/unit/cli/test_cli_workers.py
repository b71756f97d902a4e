"""`kerasbridge train --workers`: what starts the workers, and what to install where nothing can."""

import sys

import pytest

from kerasbridge.cli import workers
from kerasbridge.errors import ArgumentError, PackageNotInstalled
from kerasbridge.runtime import backend, world


@pytest.fixture
def without_torch_and_ray(monkeypatch):
    monkeypatch.setattr(backend, "installed", lambda: ("jax",))
    monkeypatch.setitem(sys.modules, "ray", None)


def test_one_worker_and_those_of_a_launcher_start_no_others(monkeypatch):
    assert not workers.must_launch(1, "")
    assert workers.must_launch(2, "")
    assert workers.must_launch(1, "auto")
    monkeypatch.setattr(world, "current", lambda: world.World(rank=1, size=2))
    assert not workers.must_launch(2, "")


def test_no_workers_are_refused():
    with pytest.raises(ArgumentError, match=r"^Expected --workers of 1 or more, received 0\.$"):
        workers.must_launch(0, "")


def test_torch_starts_workers_on_this_machine(monkeypatch):
    monkeypatch.setattr(backend, "installed", lambda: ("torch",))
    assert not workers.uses_ray("")


@pytest.mark.usefixtures("without_torch_and_ray")
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", r'^Expected torch, .* or Ray, .* pip install "kerasbridge\[torch\]" or pip install "kerasbridge\[ray\]"$'),
        ("auto", r'^--address needs the package ray\[train\], .* Type: pip install "kerasbridge\[ray\]"$'),
    ],
)
def test_without_a_launcher_the_error_names_the_commands(address, message):
    with pytest.raises(PackageNotInstalled, match=message):
        workers.uses_ray(address)
