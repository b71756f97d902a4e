"""The status of each backend, with fake frameworks that child processes import."""

import importlib.metadata
import importlib.util
import os
import re
import sys
import tomllib
from importlib.machinery import ModuleSpec

import pytest

from kerasbridge.runtime import backend, backend_status
from tests.paths import ROOT

HEALTHY = """
from types import SimpleNamespace
__version__ = "0.10.2"
def local_devices(backend=None):
    return [SimpleNamespace(platform="cpu")]
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """No configured backend, no NVIDIA card, nothing known to pip, and a separate environment."""
    monkeypatch.setattr(backend, "_settled", None)
    monkeypatch.setattr(backend_status, "_has_nvidia_card", lambda: False)
    monkeypatch.setattr(importlib.metadata, "version", unknown_to_pip)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "KERAS_HOME": str(tmp_path), "PYTHONPATH": path})


def unknown_to_pip(name):
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.fixture
def look(monkeypatch, tmp_path):
    """Write a module jax with this source, the only backend, and return its status."""

    def status(source, timeout=60):
        (tmp_path / "jax.py").write_text(source)
        specs = {"jax": ModuleSpec("jax", None, origin="somewhere")}
        monkeypatch.setattr(importlib.util, "find_spec", specs.get)
        return backend_status.backends(timeout)[0]

    return status


def test_a_working_backend_has_a_version_devices_and_no_problem(look):
    assert look(HEALTHY) == backend_status.BackendStatus("jax", True, "0.10.2", ("cpu",), None, None, True)


def test_a_missing_backend_has_an_install_command(look):
    look(HEALTHY)
    assert backend_status.backends()[2] == backend_status.BackendStatus(
        "torch", False, None, (), None, 'pip install "kerasbridge[torch]"', False
    )


def test_the_status_configures_nothing(look):
    before = dict(os.environ)
    look(HEALTHY)
    assert backend.current() is None
    assert os.environ == before


def test_no_backend_is_the_default_where_choosing_would_fail(look):
    os.environ["KERAS_BACKEND"] = "numpy"
    assert look(HEALTHY).default is False


def test_output_of_a_framework_does_not_hide_its_devices(look):
    noise = 'import os, sys; print("{}"); os.write(1, b"from C"); sys.__stdout__.write("end")\n'
    assert look(HEALTHY + noise).devices == ("cpu",)


def test_a_failed_import_is_reported_with_the_last_line_of_its_error(look, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", {"jax": "0.9.1"}.__getitem__)
    status = look('raise ImportError("libcudart.so.13: cannot open shared object file")')
    assert status.problem == "ImportError: libcudart.so.13: cannot open shared object file"
    assert status.remedy == "pip install --force-reinstall jax"
    assert (status.installed, status.version, status.devices) == (True, "0.9.1", ())


def test_an_error_with_a_traceback_and_advice_is_shown_by_its_cause(look):
    source = r'raise ImportError("Traceback:\n  File x\nImportError: libfoo.so: no such file\n\nSee https://…")'
    assert look(source).problem == "ImportError: libfoo.so: no such file"


def test_devices_that_cannot_be_listed_are_a_problem_of_a_known_version(look):
    status = look('__version__ = "0.10.0"\ndef local_devices(): raise RuntimeError("no platform")')
    assert (status.version, status.devices) == ("0.10.0", ())
    assert status.problem == "cannot list its devices: RuntimeError: no platform"
    assert status.remedy == "to see the whole error: python -m kerasbridge.runtime._status_worker jax"


def test_a_framework_that_hangs_is_killed(look):
    status = look("import threading; threading.Event().wait()", timeout=1)
    assert (status.problem, status.answered) == ("no answer within 1 seconds", False)
    assert status.remedy == 'to see where it hangs: python -X faulthandler -c "import jax"'


def test_a_framework_that_kills_its_process_is_reported_with_its_last_output(look):
    status = look('import os, sys; print("illegal instruction", file=sys.stderr, flush=True); os._exit(4)')
    assert (status.problem, status.answered) == ("the process ended with code 4: illegal instruction", False)


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("0.12.0", "0.12.0 is newer than the tested 0.7-0.10"),
        ("0.11.0.dev20261101", "0.11.0.dev20261101 is newer than the tested 0.7-0.10"),
        ("0.6.2", "0.6.2 is older than the tested 0.7-0.10"),
    ],
)
def test_a_version_outside_the_tested_range_is_a_problem(look, version, problem):
    status = look(HEALTHY.replace("0.10.2", version))
    assert (status.problem, status.remedy) == (problem, 'pip install "jax==0.10.*"')
    assert status.devices == ("cpu",)


@pytest.mark.parametrize(("name", "version"), [("jax", "0.7.0"), ("torch", "2.13.0+cpu"), ("tensorflow", "2.21.0rc1")])
def test_a_version_inside_the_tested_range_is_not_a_problem(name, version):
    assert backend_status.FRAMEWORKS[name].version_warning(version) is None


def test_a_range_of_one_version_is_shown_as_one():
    assert backend_status.FRAMEWORKS["torch"].version_warning("2.14.1") == "2.14.1 is newer than the tested 2.13"


def test_tensorflow_is_found_under_the_name_of_its_installed_package(monkeypatch):
    versions = {"tensorflow-cpu": "2.21.0"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name) or unknown_to_pip(name))
    assert backend_status.FRAMEWORKS["tensorflow"].distribution() == ("tensorflow-cpu", "2.21.0")


def test_an_nvidia_card_that_the_framework_does_not_see_is_a_problem(look, monkeypatch):
    monkeypatch.setattr(backend_status, "_has_nvidia_card", lambda: True)
    status = look(HEALTHY)
    assert status.problem == "this machine has an NVIDIA card, but jax sees no gpu"
    assert status.remedy.startswith('pip install "jax[cuda13]" (and `nvidia-smi` must answer')


@pytest.mark.parametrize(("variable", "value"), [("CUDA_VISIBLE_DEVICES", ""), ("JAX_PLATFORMS", "cpu")])
def test_an_nvidia_card_hidden_by_the_user_is_ignored(look, monkeypatch, variable, value):
    monkeypatch.setattr(backend_status, "_has_nvidia_card", lambda: True)
    os.environ[variable] = value
    assert look(HEALTHY).problem is None


def test_several_devices_of_a_kind_are_numbered(look):
    platforms = """
def local_devices(backend=None):
    return [SimpleNamespace(platform=p) for p in (["cpu"] if backend else ["gpu", "gpu"])]
"""
    assert look(HEALTHY + platforms).devices == ("cpu", "gpu:0", "gpu:1")


def test_the_device_of_this_process_does_not_hide_others_from_the_status(look, monkeypatch):
    os.environ["KERAS_BACKEND"] = "jax"
    source = (
        HEALTHY + 'import os; assert "JAX_PLATFORMS" not in os.environ; assert "KERASBRIDGE_DEVICE" not in os.environ'
    )
    monkeypatch.setattr(importlib.util, "find_spec", {"jax": ModuleSpec("jax", None, origin="somewhere")}.get)
    backend.configure("jax", "cpu")
    assert look(source).problem is None


def test_the_oldest_tested_versions_are_those_that_the_package_requires():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = {"keras": project["dependencies"], **{name: extras[name] for name in ("jax", "tensorflow", "torch")}}
    for name, requirements in asked.items():
        floor = next(re.search(r">=(\d+\.\d+)", line)[1] for line in requirements if line.startswith(name))
        assert floor == backend_status.FRAMEWORKS[name].oldest
