"""`kb.distributed.ray_trainer` without Ray: what it refuses, and how to install it."""

import sys

import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, PackageNotInstalled


def train(config):
    return config


def test_without_ray_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PackageNotInstalled) as raised:
        kb.distributed.ray_trainer(train, num_workers=2)
    assert str(raised.value) == (
        "kb.distributed.ray_trainer needs the package ray[train], which is not installed. "
        'Type: pip install "kerasbridge[ray]"'
    )


@pytest.mark.parametrize("function", [lambda: None, lambda config=None: None, lambda **config: None])
def test_a_function_that_would_not_receive_the_run_folder_is_refused(function):
    with pytest.raises(ArgumentError, match=r"^Expected train_function to take a dict, which contains run_dir;"):
        kb.distributed.ray_trainer(function, run_dir="run")
