"""How kerasbridge is checked: `nox` runs what a contributor needs, `nox --list` shows every session.

Each session has an environment of its own and installs the versions in constraints.txt.
"""

import os
import re
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
BACKENDS = [nox.param(name, id=name) for name in ("tensorflow", "torch", "jax")]
IN_SHORT = [
    f"tests/backend/{name}.py"
    for name in ("cli/test_cli_train", "cli/test_cli_predict", "keras_compat/test_private_api", "test_golden")
]  # see a version first
KERAS_TESTS = [
    f"keras.src.{name}" for name in ("trainers.trainer_test", "callbacks", "models", "optimizers", "distillation")
]  # what calls fit, evaluate and predict
WHEEL_LIMIT = 3_000_000  # bytes
XLA_IN_SHORT = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"  # compiles six times faster
OPTIMISED = "dicts_of_batches"  # bits that two programs share only where XLA optimises both
IN_PARALLEL = ("--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal")  # each test takes one thread

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "unit", "tests", "parity", "examples", "docs", "wheel"]
if "CI" in os.environ:
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
def docs(session: nox.Session) -> None:
    """Make the pages of docs/ in build/docs, warnings being errors; look at each, and at the report, in Chromium."""
    install(session, "-e", ".[jax]", *group_of("docs"), group="test")
    shutil.rmtree(ROOT / "build" / "docs", ignore_errors=True)
    options = ("-W", "--keep-going", "--quiet", "docs", "build/docs")
    session.run("sphinx-build", *options, env={"KERAS_BACKEND": "jax"})
    install_chromium(session)
    pytest(session, "tests/browser")


@nox.session
def parity(session: nox.Session) -> None:
    """Hold the three backends beside each other, all three installed."""
    install(session, "-e", ".[all,export,legacy]", *group_of("data"), group="test")
    pytest(session, "-m", "not long", "tests/parity", **compiled_once(session))
    for backend in ("jax", "tensorflow", "torch"):  # with the loaders of the others beside its own
        which = f"what_arrays_are or sparse or {OPTIMISED}"
        pytest(session, "-k", which, "tests/backend/data/test_adapters.py", backend=backend)


@nox.session(name="parity-whole")
def parity_whole(session: nox.Session) -> None:
    """As parity, with what takes long: every model, every planted fault, twenty seeds."""
    install(session, "-e", ".[all,export,legacy]", group="test")
    pytest(session, "tests/parity")


@nox.session
@nox.parametrize("backend", BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests of backends and of importers on one backend, with no other installed."""
    beside = [package for group in ("data", "libraries", "opencv") for package in group_of(group)]
    install(session, "-e", f".[{backend},legacy]", *beside, group="test")
    options, env = in_short(backend)
    pytest(session, *options, "tests/backend", "tests/importers", backend=backend, **env)


@nox.session(name="keras-suite")
@nox.parametrize("backend", BACKENDS[1:2] if "CI" in os.environ else BACKENDS)
def keras_suite(session: nox.Session, backend: str) -> None:
    """Run Keras's own tests on one backend with kerasbridge in the place of `fit`; in CI a part of them, on torch."""
    install(session, "-e", ".[all]", group="keras-suite")
    package = session.run("python", "-c", "import importlib.util as u; print(u.find_spec('keras').origin)", silent=True)
    options = ["-c", "tests/keras_suite/pytest.ini", "--rootdir", str(Path(str(package).strip()).parent)]
    options += ["-p", "tests.keras_suite.plugin", "--pyargs"]
    tests = session.posargs or (KERAS_TESTS[:2] if "CI" in os.environ else KERAS_TESTS)
    env = {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    session.run("python", "-m", "pytest", *options, *tests, env=env)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples, the notebook and the documentation's code on every backend, all three installed."""
    install(session, "-e", ".[all,export,legacy,plots]", group="examples")
    for backend in ("jax", "tensorflow", "torch"):
        options, env = in_short(backend)
        pytest(session, *options, "tests/examples", backend=backend, **env)


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


@nox.session(requires=["dist"], reuse_venv=False)
def wheel(session: nox.Session) -> None:
    """Install the wheel in a clean environment beside one backend, and run the main job from another folder."""
    install(session, f"{built_wheel()}[jax]")
    session.run("python", "-m", "pip", "check")
    session.chdir(session.create_tmp())
    session.env.update(KERAS_BACKEND="jax", KERAS_HOME=str(Path.cwd() / "keras"))
    session.run("kerasbridge", "backends")
    session.run("kerasbridge", "train", "--epochs", "1", "--run-dir", "run", "--overwrite")


@nox.session
@nox.parametrize("backend", BACKENDS[2:] if "CI" in os.environ else BACKENDS)
def minimums(session: nox.Session, backend: str) -> None:
    """Run the backend tests with the oldest supported version of every dependency; in CI a part of them, on JAX."""
    oldest = [as_pin(requirement) for requirement in requirements(backend)]
    session.install("-e", f".[{backend}]", *oldest, *map(pinned, group_of("test")))
    pytest(session, *(IN_SHORT if "CI" in os.environ else ["tests/backend"]), backend=backend)


def install(session: nox.Session, *packages: str, group: str | None = None) -> None:
    """Install the tested versions, also of what builds the packages."""
    wanted = [*packages, *(group_of(group) if group else [])]
    session.install(*wanted, env={"PIP_CONSTRAINT": str(CONSTRAINTS)})


def install_chromium(session: nox.Session) -> None:
    """Where there is none and this user may install it; elsewhere the tests say why they skip."""
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        for command in ("update", "install --yes --no-install-recommends chromium fonts-dejavu-core"):
            session.run("apt-get", *command.split(), external=True, silent=True, success_codes=range(256))


def in_short(backend: str) -> tuple[list[str], dict[str, str]]:
    """What tests are run with in CI: options of pytest, and variables.

    What hardly differs between backends (`once`) runs on torch alone. JAX's compiler does not optimise; parity,
    minimums and wheel run it there as it is for users.
    """
    if "CI" not in os.environ or backend == "torch":
        return [], {}
    if backend == "tensorflow":
        return ["-m", "not once"], {}
    return ["-m", "not once", "-k", f"not {OPTIMISED}"], {"XLA_FLAGS": XLA_IN_SHORT}


def compiled_once(session: nox.Session) -> dict[str, str]:
    """Variables by which the many processes of a session share what JAX compiles."""
    seconds = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
    return {"JAX_COMPILATION_CACHE_DIR": str(Path(session.cache_dir, "jax").absolute()), seconds: "0"}


def pytest(session: nox.Session, *paths: str, backend: str | None = None, **env: str | None) -> None:
    """Run tests, or what stands behind `--` on the command line."""
    env |= {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}  # on a busy machine two threads are slower than one
    session.run("python", "-m", "pytest", "--durations=10", *IN_PARALLEL, *(session.posargs or paths), env=env)


def built_wheel() -> Path:
    """The wheel that `dist` left."""
    (path,) = (ROOT / "dist").glob("kerasbridge-*.whl")
    return path


def group_of(name: str) -> list[str]:
    """The packages of a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def requirements(extra: str) -> list[str]:
    """What pyproject.toml asks for, one extra included."""
    project = PYPROJECT["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def as_pin(requirement: str) -> str:
    """The oldest version that a requirement allows: "numpy>=2.0" becomes "numpy==2.0"."""
    return requirement.replace(">=", "==")


def pinned(package: str) -> str:
    """The package at its tested version."""
    match = re.search(rf"^{re.escape(package)}==.+$", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    return match[0] if match else package
