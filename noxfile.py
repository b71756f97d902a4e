"""Checks of kerasbridge: `nox` runs all that a change must pass, `nox --list` lists every session.

Versions are pinned in constraints.txt. Sessions that need the frameworks share one environment, `everything`; `unit`,
`wheel` and `minimums` have their own, which detects dependencies that are missing for a single backend.
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
DISTRIBUTED = ("torch", "jax", "tensorflow")  # the backends that train with several workers, in the order of tests
RESTARTS = "tests/distributed/test_faults.py::test_a_launcher_that_restarts_the_workers_ends_as_without_faults"
PYTHONS = ["3.11", "3.13"]  # the oldest and the newest supported
EVERYTHING = ROOT / ".nox" / "everything" / ("Scripts" if os.name == "nt" else "bin") / "python"
FIRST_TO_BREAK = ["tests/backend/keras_compat", "tests/backend/test_golden.py"]  # with another version of Keras
KERAS_TESTS = [
    f"keras.src.{name}" for name in ("trainers.trainer_test", "callbacks", "models", "optimizers", "distillation")
]  # modules that call fit, evaluate and predict
WHEEL_LIMIT = 3_000_000  # bytes
UNOPTIMISED_XLA = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"  # compiles six times faster
NEEDS_OPTIMISED_XLA = "dicts_of_batches"  # compares two programs bit by bit
IN_PARALLEL = ("--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal")  # each test uses one thread
IN_CI = "CI" in os.environ

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "unit", "tests", "parity", "examples", "docs", "wheel"]
if IN_CI:
    nox.options.sessions += ["scripts", "faults", "distributed", "fuzz", "keras-suite", "minimums"]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    install(session, "-e", ".", group="lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "kerasbridge", "noxfile.py")


@nox.session
def unit(session: nox.Session) -> None:
    """Run the tests that need no framework, without any installed."""
    install(session, "-e", ".", group="test")
    pytest(session, "tests/unit")


@nox.session
def everything(session: nox.Session) -> None:
    """Create the environment with all backends and extras that other sessions use."""
    groups = ("data", "libraries", "opencv", "docs", "examples", "keras-suite")
    packages = [package for group in groups for package in group_of(group)]
    install(session, "-e", ".[all,export,legacy,plots,tensorboard]", *packages, group="test")


@nox.session(venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests of backends and importers on one backend; those marked `once` on torch only."""
    options, env = once(backend)
    pytest(session, *options, "tests/backend", "tests/importers", backend=backend, **env)


@nox.session(name="tests-whole", venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS)
def tests_whole(session: nox.Session, backend: str) -> None:
    """Like tests, including those marked `once`, and with the default optimisations of XLA."""
    pytest(session, "tests/backend", "tests/importers", backend=backend)


@nox.session(venv_backend="none", requires=["everything"])
def fuzz(session: nox.Session) -> None:
    """Read damaged files of every format: 100 each in CI, else 10,000, or 1,000 where a framework is needed."""
    short = ("--count", "100", "--cuts", "20") if IN_CI else ()
    env = {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    run_python(session, "-m", "tests.fuzz", *(session.posargs or short), env=env)


@nox.session(venv_backend="none", requires=["everything"])
def parity(session: nox.Session) -> None:
    """Compare the three backends, without the tests marked `long`."""
    pytest(session, "-m", "not long", "tests/parity")


@nox.session(name="parity-whole", venv_backend="none", requires=["everything"])
def parity_whole(session: nox.Session) -> None:
    """Like parity, including long tests: every model, every injected fault, twenty seeds."""
    pytest(session, "tests/parity")


@nox.session(venv_backend="none", requires=["everything"])
def examples(session: nox.Session) -> None:
    """Run the examples, the notebook and the code of the documentation on every backend."""
    for backend in ("torch", "jax", "tensorflow"):
        options, env = once(backend)
        pytest(session, *options, "tests/examples", backend=backend, **env)


@nox.session(venv_backend="none", requires=["everything"])
def scripts(session: nox.Session) -> None:
    """Run Keras scripts with stock Keras and with kerasbridge on three backends, and compare; in CI only some."""
    selected = ["-m", "not long"] if IN_CI else []
    tests = session.posargs or [*selected, "tests/scripts"]
    run_python(session, "-m", "pytest", "--durations=3", *tests, env={"XLA_FLAGS": UNOPTIMISED_XLA})


@nox.session(venv_backend="none", requires=["everything"])
def faults(session: nox.Session) -> None:
    """Kill trainings at random moments and let them continue; in CI some on torch only."""
    selected = ["-m", "not long"] if IN_CI else []
    tests = session.posargs or [*selected, "tests/faults"]
    run_python(session, "-m", "pytest", "--durations=3", "-s", *tests, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none", requires=["everything"])
def distributed(session: nox.Session) -> None:
    """Train with several workers on each backend, and kill some; in CI a short form, on torch most of it."""
    for backend in DISTRIBUTED:
        is_first = backend == DISTRIBUTED[0]
        left_out = [*(["long"] if IN_CI else []), *([] if is_first else ["once"])]
        selected = ["-m", " and ".join(f"not {mark}" for mark in left_out)] if left_out else []
        places = ["tests/distributed"] if is_first or not IN_CI else ["tests/distributed/test_launchers.py", RESTARTS]
        tests = session.posargs or [*selected, *places]
        env = {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
        run_python(session, "-m", "pytest", "--durations=3", "-s", *tests, env=env)


@nox.session
def ray(session: nox.Session) -> None:
    """Train on Ray, which takes minutes and 500 MB, so that CI leaves it out."""
    install(session, "-e", ".[all,ray]", group="test")
    for backend in DISTRIBUTED:
        tests = session.posargs or ["tests/distributed/test_ray.py"]
        session.run("python", "-m", "pytest", *tests, env={"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"})


@nox.session(name="bench-guard", venv_backend="none", requires=["everything"])
def bench_guard(session: nox.Session) -> None:
    """Compare the ratios of `kerasbridge bench` with the bounds in scripts/; not in CI, whose machines are busy."""
    run_python(session, "scripts/bench_guard.py", *session.posargs, env={})


@nox.session(venv_backend="none", requires=["everything"])
def docs(session: nox.Session) -> None:
    """Build docs/ into build/docs, with warnings as errors; check every page, report and demo in Chromium."""
    shutil.rmtree(ROOT / "build" / "docs", ignore_errors=True)
    options = ("-W", "--keep-going", "--quiet", "docs", "build/docs")
    run_python(session, "-m", "sphinx", *options, env={"KERAS_BACKEND": "jax"})
    install_chromium(session)
    pytest(session, "tests/browser")


@nox.session
def dist(session: nox.Session) -> None:
    """Build the source distribution, and the wheel from it."""
    install(session, "build")
    for old in (ROOT / "dist").glob("kerasbridge-*"):
        old.unlink()
    session.run("python", "-m", "build", silent=True)
    size = built_wheel().stat().st_size
    if size > WHEEL_LIMIT:
        session.error(f"The wheel has {size:,} bytes; expected at most {WHEEL_LIMIT:,}.")


@nox.session(requires=["dist"], reuse_venv=False, python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """Install the wheel with one backend, train and run the unit tests, on the oldest and the newest Python."""
    constraints = {"PIP_CONSTRAINT": str(CONSTRAINTS)} if session.python == PYTHONS[0] else {}
    session.install(f"{built_wheel()}[jax]", *group_of("test"), env=constraints)
    session.run("python", "-m", "pip", "check")
    folder = Path(session.create_tmp())
    session.env.update(KERAS_BACKEND="jax", KERAS_HOME=str(folder / "keras"))
    with session.chdir(folder):
        session.run("kerasbridge", "backends")
        session.run("kerasbridge", "train", "--epochs", "1", "--run-dir", "run", "--overwrite")
    if session.python != PYTHONS[0]:  # `unit` runs on the oldest
        pytest(session, "tests/unit")


@nox.session
@nox.parametrize("backend", BACKENDS[2:] if IN_CI else BACKENDS)
def minimums(session: nox.Session, backend: str) -> None:
    """Run the backend tests with the oldest supported dependencies; in CI only some of them, on JAX."""
    oldest = [as_pin(requirement) for requirement in requirements(backend)]
    session.install("-e", f".[{backend}]", *oldest, *map(pinned, group_of("test")))
    pytest(session, *(FIRST_TO_BREAK if IN_CI else ["tests/backend"]), backend=backend)


@nox.session(name="keras-suite", venv_backend="none", requires=["everything"])
@nox.parametrize("backend", BACKENDS[1:2] if IN_CI else BACKENDS)
def keras_suite(session: nox.Session, backend: str) -> None:
    """Run the tests of Keras on one backend with `fit` of kerasbridge; in CI only some of them, on torch."""
    code = "import importlib.util as u; print(u.find_spec('keras').origin)"
    package = session.run(str(EVERYTHING), "-c", code, silent=True, external=True)
    options = ["-c", "tests/keras_suite/pytest.ini", "--rootdir", str(Path(str(package).strip()).parent)]
    options += ["-p", "tests.keras_suite.plugin", "--pyargs"]
    tests = session.posargs or (KERAS_TESTS[:2] if IN_CI else KERAS_TESTS)
    env = {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run_python(session, "-m", "pytest", *options, *tests, env=env)


def install(session: nox.Session, *packages: str, group: str | None = None) -> None:
    """Install packages, and their build dependencies, at the tested versions."""
    wanted = [*packages, *(group_of(group) if group else [])]
    session.install(*wanted, env={"PIP_CONSTRAINT": str(CONSTRAINTS)})


def install_chromium(session: nox.Session) -> None:
    """Install Chromium if it is missing and the user is root; otherwise the tests are skipped with a reason."""
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        for command in ("update", "install --yes --no-install-recommends chromium fonts-dejavu-core"):
            session.run("apt-get", *command.split(), external=True, silent=True, success_codes=range(256))


def once(backend: str) -> tuple[list[str], dict[str, str]]:
    """Return options and variables that run tests marked `once` on torch only, and disable XLA optimisations."""
    if backend == "torch":
        return [], {}
    if backend == "tensorflow":
        return ["-m", "not once"], {}
    return ["-m", "not once", "-k", f"not {NEEDS_OPTIMISED_XLA}"], {"XLA_FLAGS": UNOPTIMISED_XLA}


def pytest(session: nox.Session, *paths: str, backend: str | None = None, **env: str | None) -> None:
    """Run tests, or the arguments after `--`, in processes that share the compilation cache of JAX."""
    env |= {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}  # on a busy machine two threads are slower than one
    env |= {"JAX_COMPILATION_CACHE_DIR": str(ROOT / ".nox" / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    arguments = ("-m", "pytest", "--durations=10", *IN_PARALLEL, *(session.posargs or paths))
    run_python(session, *arguments, env=env)


def run_python(session: nox.Session, *arguments: str, env: Mapping[str, str | None]) -> None:
    """Run Python in the environment of the session, or in `everything` if it has no environment."""
    shared = session.venv_backend == "none"
    if shared:
        env = {"PATH": os.pathsep.join([str(EVERYTHING.parent), os.environ.get("PATH", "")]), **env}
    session.run(str(EVERYTHING) if shared else "python", *arguments, env=env, external=shared)


def built_wheel() -> Path:
    """Return the path of the wheel built by `dist`."""
    (path,) = (ROOT / "dist").glob("kerasbridge-*.whl")
    return path


def group_of(name: str) -> list[str]:
    """Return the packages of a dependency group in pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def requirements(extra: str) -> list[str]:
    """Return the dependencies in pyproject.toml, including those of an extra."""
    project = PYPROJECT["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def as_pin(requirement: str) -> str:
    """Pin a requirement to the oldest version that it allows: "numpy>=2.0" becomes "numpy==2.0"."""
    return requirement.replace(">=", "==")


def pinned(package: str) -> str:
    """Pin a package to its tested version."""
    match = re.search(rf"^{re.escape(package)}==.+$", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    return match[0] if match else package
