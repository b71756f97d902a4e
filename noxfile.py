"""Checks of kerasbridge: `nox` runs what a contributor needs, `nox --list` shows every session.

All versions come from constraints.txt. Sessions that need the frameworks share one environment, `everything`; `unit`,
`wheel` and `minimums` have their own, so that what one backend alone needs is seen there.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
BACKENDS = [nox.param(name, id=name) for name in ("tensorflow", "torch", "jax")]
PYTHONS = ["3.11", "3.13"]  # the oldest and the newest supported
EVERYTHING = ROOT / ".nox" / "everything" / ("Scripts" if os.name == "nt" else "bin") / "python"
FIRST_TO_BREAK = ["tests/backend/keras_compat", "tests/backend/test_golden.py"]  # with another version of Keras
KERAS_TESTS = [
    f"keras.src.{name}" for name in ("trainers.trainer_test", "callbacks", "models", "optimizers", "distillation")
]  # those that call fit, evaluate and predict
WHEEL_LIMIT = 3_000_000  # bytes
UNOPTIMISED_XLA = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"  # compiles six times faster
NEEDS_OPTIMISED_XLA = "dicts_of_batches"  # compares the bits of two programs
IN_PARALLEL = ("--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal")  # each test takes one thread
IN_CI = "CI" in os.environ

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "unit", "tests", "parity", "examples", "docs", "wheel"]
if IN_CI:
    nox.options.sessions += ["keras-suite", "minimums"]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    install(session, "-e", ".", group="lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "kerasbridge", "noxfile.py")


@nox.session
def unit(session: nox.Session) -> None:
    """Run the tests that need no framework, with none installed."""
    install(session, "-e", ".", group="test")
    pytest(session, "tests/unit")


@nox.session
def everything(session: nox.Session) -> None:
    """Make the environment with all backends and extras that other sessions run in."""
    groups = ("data", "libraries", "opencv", "docs", "examples", "keras-suite")
    packages = [package for group in groups for package in group_of(group)]
    install(session, "-e", ".[all,export,legacy,plots,tensorboard]", *packages, group="test")


@nox.session(venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests of backends and importers on one backend; those marked `once` on torch alone."""
    options, env = once(backend)
    pytest(session, *options, "tests/backend", "tests/importers", backend=backend, **env)


@nox.session(name="tests-whole", venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS)
def tests_whole(session: nox.Session, backend: str) -> None:
    """As tests, with those marked `once` too, and XLA as users have it."""
    pytest(session, "tests/backend", "tests/importers", backend=backend)


@nox.session(venv_backend="none", requires=["everything"])
def parity(session: nox.Session) -> None:
    """Compare the three backends; the tests marked `long` are left to parity-whole."""
    pytest(session, "-m", "not long", "tests/parity")


@nox.session(name="parity-whole", venv_backend="none", requires=["everything"])
def parity_whole(session: nox.Session) -> None:
    """As parity, with what takes long: every model, every planted fault, twenty seeds."""
    pytest(session, "tests/parity")


@nox.session(venv_backend="none", requires=["everything"])
def examples(session: nox.Session) -> None:
    """Run the examples, the notebook and the code of the documentation on every backend."""
    for backend in ("torch", "jax", "tensorflow"):
        options, env = once(backend)
        pytest(session, *options, "tests/examples", backend=backend, **env)


@nox.session(venv_backend="none", requires=["everything"])
def docs(session: nox.Session) -> None:
    """Build the pages of docs/ in build/docs, warnings being errors; check each, and the report, in Chromium."""
    shutil.rmtree(ROOT / "build" / "docs", ignore_errors=True)
    options = ("-W", "--keep-going", "--quiet", "docs", "build/docs")
    run_python(session, "-m", "sphinx", *options, env={"KERAS_BACKEND": "jax"})
    install_chromium(session)
    pytest(session, "tests/browser")


@nox.session
def dist(session: nox.Session) -> None:
    """Build the source distribution, and from it the wheel."""
    install(session, "build")
    for old in (ROOT / "dist").glob("kerasbridge-*"):
        old.unlink()
    session.run("python", "-m", "build", silent=True)
    size = built_wheel().stat().st_size
    if size > WHEEL_LIMIT:
        session.error(f"The wheel has {size:,} bytes; expected at most {WHEEL_LIMIT:,}.")


@nox.session(requires=["dist"], reuse_venv=False, python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """Install the wheel with one backend alone, train from another folder, run the unit tests: each end of Pythons."""
    constraints = {"PIP_CONSTRAINT": str(CONSTRAINTS)} if session.python == PYTHONS[0] else {}
    session.install(f"{built_wheel()}[jax]", *group_of("test"), env=constraints)
    session.run("python", "-m", "pip", "check")
    folder = Path(session.create_tmp())
    session.env.update(KERAS_BACKEND="jax", KERAS_HOME=str(folder / "keras"))
    with session.chdir(folder):
        session.run("kerasbridge", "backends")
        session.run("kerasbridge", "train", "--epochs", "1", "--run-dir", "run", "--overwrite")
    if session.python != PYTHONS[0]:  # `unit` runs them on the oldest
        pytest(session, "tests/unit")


@nox.session
@nox.parametrize("backend", BACKENDS[2:] if IN_CI else BACKENDS)
def minimums(session: nox.Session, backend: str) -> None:
    """Run the backend tests with the oldest supported version of every dependency; in CI a part of them, on JAX."""
    oldest = [as_pin(requirement) for requirement in requirements(backend)]
    session.install("-e", f".[{backend}]", *oldest, *map(pinned, group_of("test")))
    pytest(session, *(FIRST_TO_BREAK if IN_CI else ["tests/backend"]), backend=backend)


@nox.session(name="keras-suite", venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS[1:2] if IN_CI else BACKENDS)
def keras_suite(session: nox.Session, backend: str) -> None:
    """Run Keras's own tests on one backend, `fit` replaced by kerasbridge; in CI a part of them, on torch."""
    code = "import importlib.util as u; print(u.find_spec('keras').origin)"
    package = session.run(str(EVERYTHING), "-c", code, silent=True, external=True)
    options = ["-c", "tests/keras_suite/pytest.ini", "--rootdir", str(Path(str(package).strip()).parent)]
    options += ["-p", "tests.keras_suite.plugin", "--pyargs"]
    tests = session.posargs or (KERAS_TESTS[:2] if IN_CI else KERAS_TESTS)
    env = {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run_python(session, "-m", "pytest", *options, *tests, env=env)


def install(session: nox.Session, *packages: str, group: str | None = None) -> None:
    """Install packages at the tested versions, which also hold for what builds them."""
    wanted = [*packages, *(group_of(group) if group else [])]
    session.install(*wanted, env={"PIP_CONSTRAINT": str(CONSTRAINTS)})


def install_chromium(session: nox.Session) -> None:
    """Install Chromium where there is none and this user may; elsewhere the tests skip with a reason."""
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        for command in ("update", "install --yes --no-install-recommends chromium fonts-dejavu-core"):
            session.run("apt-get", *command.split(), external=True, silent=True, success_codes=range(256))


def once(backend: str) -> tuple[list[str], dict[str, str]]:
    """Return the options and variables by which tests marked `once` run on torch alone, and XLA does not optimise."""
    if backend == "torch":
        return [], {}
    if backend == "tensorflow":
        return ["-m", "not once"], {}
    return ["-m", "not once", "-k", f"not {NEEDS_OPTIMISED_XLA}"], {"XLA_FLAGS": UNOPTIMISED_XLA}


def pytest(session: nox.Session, *paths: str, backend: str | None = None, **env: str | None) -> None:
    """Run tests, or what follows `--` on the command line, in processes that share what JAX compiles."""
    env |= {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}  # on a busy machine two threads are slower than one
    env |= {"JAX_COMPILATION_CACHE_DIR": str(ROOT / ".nox" / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    arguments = ("-m", "pytest", "--durations=10", *IN_PARALLEL, *(session.posargs or paths))
    run_python(session, *arguments, env=env)


def run_python(session: nox.Session, *arguments: str, env: Mapping[str, str | None]) -> None:
    """Run Python in the session's environment, or in `everything` where it has none."""
    shared = session.venv_backend == "none"
    if shared:
        env = {"PATH": os.pathsep.join([str(EVERYTHING.parent), os.environ.get("PATH", "")]), **env}
    session.run(str(EVERYTHING) if shared else "python", *arguments, env=env, external=shared)


def built_wheel() -> Path:
    """Return the wheel that `dist` left."""
    (path,) = (ROOT / "dist").glob("kerasbridge-*.whl")
    return path


def group_of(name: str) -> list[str]:
    """Return the packages of a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def requirements(extra: str) -> list[str]:
    """Return the dependencies of pyproject.toml, one extra included."""
    project = PYPROJECT["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def as_pin(requirement: str) -> str:
    """Return the oldest version that a requirement allows: "numpy>=2.0" becomes "numpy==2.0"."""
    return requirement.replace(">=", "==")


def pinned(package: str) -> str:
    """Return the package at its tested version."""
    match = re.search(rf"^{re.escape(package)}==.+$", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    return match[0] if match else package
