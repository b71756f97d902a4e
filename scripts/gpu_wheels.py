"""List the wheels that a GPU image with its own torch or JAX needs for kerasbridge, and download them.

    python scripts/gpu_wheels.py wheels/ --python 3.12

The frameworks and NumPy are not among them. On the image: pip install --no-index --no-deps wheels/*.whl
"""

import argparse
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 40_000_000  # bytes
OF_THE_IMAGE = {"numpy", "torch", "jax", "jaxlib"}
PLATFORMS = [f"manylinux{version}_x86_64" for version in ("_2_28", "_2_27", "_2_17", "2014")]


def needed() -> list[str]:
    """Return the packages that kerasbridge needs here, without extras and without those that the image has."""
    found: list[str] = []
    open_requirements = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    while open_requirements:
        requirement = open_requirements.pop(0)
        name = normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        if "extra ==" not in requirement and name not in (*found, *OF_THE_IMAGE) and is_installed(name):
            found.append(name)
            open_requirements += importlib.metadata.requires(name) or []
    return found


def normal(name: str) -> str:
    """Return the name of a package as in an index."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_installed(name: str) -> bool:
    """Return whether a package is installed: one for another system or Python is not."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Download the wheels of the installed versions, and print them with their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("wheels"))
    parser.add_argument("--python", help="that of the image, on Linux; by default, this Python and this system")
    options = parser.parse_args()
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in needed()]
    pip = [sys.executable, "-m", "pip"]
    download = [*pip, "download", "--no-deps", "--only-binary=:all:", "--dest", str(options.folder)]
    if options.python:
        download += ["--python-version", options.python, *(f"--platform={name}" for name in PLATFORMS)]
    subprocess.run([*download, *pins], check=True)
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(options.folder), str(ROOT)], check=True)
    total = 0
    for path in sorted(options.folder.glob("*.whl")):
        total += path.stat().st_size
        print(f"{path.stat().st_size / 1e6:7.2f} MB  {path.name}")
    print(f"{total / 1e6:7.2f} MB in all")
    if total > LIMIT:
        raise SystemExit(f"Expected at most {LIMIT / 1e6:.0f} MB of wheels.")


if __name__ == "__main__":
    main()
