"""Count figures on the structure of the code: files, names, functions, imports, the path of an array through `fit`.

    python scripts/structure.py [--tree CHECKOUT] [--verbose | --json]

All figures but fit_* are computed from the source. --verbose and --json list the counted names. The figures:

    root_*: modules and packages at the root of the package, including its __init__.py.
    gerunds_*: modules and packages with a name that ends in -ing, except for `NOUNS`.
    functions: functions of modules and classes; a nested function is part of the outer one.
    private_called_once: private functions with a single use outside themselves: a function by its name, a method as an
        attribute, in its module or where it, or its class, is imported. A use inside a class refers to its own method.
    asking_docstrings: docstrings that begin with a word of `QUESTIONS`.
    fit_*: see `scripts/fit_trace.py`, which runs with the backend of KERAS_BACKEND, or JAX.
    operation_*: files with a word of `OPERATIONS`, in code or in a string other than a docstring, but for
        `OTHER_FORMATS`.
    import_cycles: cycles between modules and packages at the root. Imports in functions, under TYPE_CHECKING and by
        `import_module` count; those of the root __init__.py do not.
"""

import argparse
import ast
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

PACKAGE = "kerasbridge"
NOUNS = {"embedding", "padding", "pooling", "ring", "setting", "string", "thing", "timing", "warning"}
QUESTIONS = {"How", "What", "Where", "Whether", "Which"}
FORMATTED = (PACKAGE, "tests", "noxfile.py", "scripts")
UNFORMATTED = re.compile(r"#\s*fmt:\s*(?:skip|off)\b")
COMMITS, LONG_SUBJECT = 100, 72
LONG_FILE, LONG_FUNCTION = 260, 45
MAX_CYCLES = 1000

# The names used to add an operation: the Caffe type, its message of options, the neutral operation, the layer.
OPERATIONS = {
    "ELU": {"ELU", "ELUParameter", "elu"},  # shares its operation with other functions
    "Concat": {"Concat", "ConcatParameter", "Concatenate"},  # has an operation, computed by stock layers
    "Threshold": {"Threshold", "ThresholdParameter"},  # has an operation and a layer, both of this name
}
# Folders that name the same operations for other formats.
OTHER_FORMATS = {"io", "keras_files", "matconvnet", "pytorch", "tensorflow", "theano", "torch7", "weight_transfer"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Figure:
    """A number, None if unavailable, and the counted names, listed always if `shown`, otherwise on request."""

    value: float | None
    names: Sequence[str] = ()
    shown: bool = False


Figures = dict[str, Figure]


@dataclass(frozen=True)
class Module:
    """A file of the package: its path in the package, and its text."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """The dotted name in the package; for an __init__.py, that of the folder."""
        return ".".join(part for part in self.path.with_suffix("").parts if part != "__init__")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[str]:
        """The full names of all imports from the package, anywhere in the file."""
        names = [name for node in ast.walk(self.tree) for name in imported(node)]
        return [name for name in names if name.startswith(f"{PACKAGE}.")]

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Yield each function with the class that it is a method of."""
        return functions(self.tree)


@dataclass(frozen=True)
class Place:
    """The definition or use of a private function; `owner` is a class, or "?" for an attribute outside of a class."""

    module: str
    owner: str
    name: str

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, self.owner, self.name) if part)


def read(package: Path) -> list[Module]:
    """Read the files of the package."""
    return [Module(path.relative_to(package), path.read_text("utf-8")) for path in sorted(package.rglob("*.py"))]


def imported(node: ast.AST) -> list[str]:
    """Return the full names that a statement, or a call of `import_module`, imports."""
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [f"{node.module}.{alias.name}" for alias in node.names]
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
            return [name]
    return []


def functions(node: ast.AST, owner: str = "") -> Iterator[tuple[str, Function]]:
    """Yield each function below a node with the class that it is a method of."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield owner, child
        else:
            yield from functions(child, child.name if isinstance(child, ast.ClassDef) else owner)


def counted(names: Iterable[str], shown: bool = False) -> Figure:
    """Count names."""
    kept = [*names]
    return Figure(len(kept), kept, shown)


def share(count: int, total: int) -> Figure:
    """Return a count in percent."""
    return Figure(round(100 * count / max(total, 1), 1))


def at_root(package: Path) -> Figures:
    """Count the modules and packages at the root of the package."""
    return {
        "root_modules": counted(sorted(path.name for path in package.glob("*.py"))),
        "root_packages": counted(sorted(path.parent.name for path in package.glob("*/__init__.py"))),
    }


def gerunds(modules: Sequence[Module]) -> Figures:
    """Count modules, and those whose names end in -ing."""
    names = [module.name for module in modules if module.name.endswith("ing")]
    nouns = [name for name in names if name.split(".")[-1] in NOUNS]
    return {
        "modules": Figure(len(modules)),
        "gerunds_and_nouns": Figure(len(names)),
        "gerunds_that_are_nouns": counted(nouns),
        "gerunds_left": counted(name for name in names if name not in nouns),
    }


def called_once(modules: Sequence[Module]) -> Figures:
    """Count functions, and the private ones with a single use."""
    every = [Place(module.name, owner, each.name) for module in modules for owner, each in module.functions()]
    private = [place for place in every if is_private(place.name)]
    uses = used(modules, {*private})
    once = [place for place in private if uses.count(place) == 1]
    return {
        "functions": Figure(len(every)),
        "private_functions": Figure(len(private)),
        "private_called_once": counted(map(str, once)),
        "private_called_once_percent_of_functions": share(len(once), len(every)),
    }


def used(modules: Sequence[Module], private: set[Place]) -> list[Place]:
    """Return the private functions that each use of a private name may refer to."""
    known = {module.name: {name.split(".")[-1] for name in module.imports} for module in modules}
    by_name: dict[str, list[Place]] = {}
    for place in private:
        by_name.setdefault(place.name, []).append(place)

    def meant(use: Place) -> list[Place]:
        if use in private:
            return [use]
        alike = [place for place in by_name.get(use.name, []) if bool(place.owner) == bool(use.owner)]
        return [each for each in alike if each.module == use.module or (each.owner or each.name) in known[use.module]]

    return [place for module in modules for use in private_names(module.name, module.tree) for place in meant(use)]


def private_names(module: str, node: ast.AST, owner: str = "", within: tuple[str, ...] = ()) -> Iterator[Place]:
    """Yield each private name and attribute below a node, except for the names of the enclosing functions."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Name(id=name) if is_private(name) and name not in within:
                yield Place(module, "", name)
            case ast.Attribute(attr=name) if is_private(name) and name not in within:
                yield Place(module, owner or "?", name)
        inner = (*within, child.name) if isinstance(child, Function) else within
        yield from private_names(module, child, child.name if isinstance(child, ast.ClassDef) else owner, inner)


def is_private(name: str) -> bool:
    """Return whether a name begins with one underscore."""
    return name.startswith("_") and not name.startswith("__")


def docstrings(modules: Sequence[Module]) -> Figures:
    """Count docstrings, and those that begin with a question word."""
    nodes = [node for module in modules for node in ast.walk(module.tree)]
    documented = [node for node in nodes if isinstance(node, ast.Module | ast.ClassDef | Function)]
    first = [re.findall(r"\w+", text)[:1] for node in documented if (text := ast.get_docstring(node))]
    asking = sum(not QUESTIONS.isdisjoint(word) for word in first)
    return {
        "docstrings": Figure(len(first)),
        "asking_docstrings": Figure(asking),
        "asking_docstrings_percent": share(asking, len(first)),
    }


def lengths(modules: Sequence[Module]) -> Figures:
    """Measure functions and files in lines."""
    places = {f"{module.path}:{each.lineno} {each.name}": each for module in modules for _, each in module.functions()}
    lines = {name: (each.end_lineno or each.lineno) - each.lineno + 1 for name, each in places.items()}
    files = {str(module.path): module.text.count("\n") for module in modules}
    return {
        "function_lines_median": Figure(statistics.median(lines.values())),
        "function_lines_95th_percentile": Figure(statistics.quantiles(lines.values(), n=20, method="inclusive")[-1]),
        f"functions_over_{LONG_FUNCTION}_lines": counted(longer(lines, LONG_FUNCTION)),
        f"files_over_{LONG_FILE}_lines": counted(longer(files, LONG_FILE)),
    }


def longer(lines: dict[str, int], limit: int) -> list[str]:
    """Return the names with more lines than the limit, longest first."""
    return [f"{name} {count}" for name, count in sorted(lines.items(), key=lambda item: -item[1]) if count > limit]


def unformatted(tree: Path) -> Figures:
    """Count the comments that disable the formatter."""
    paths = [path for name in FORMATTED for path in ((tree / name).rglob("*.py"), [tree / name])[name.endswith(".py")]]
    counts = {str(path.relative_to(tree)): len(UNFORMATTED.findall(path.read_text("utf-8"))) for path in sorted(paths)}
    return {"fmt_skip_or_off": Figure(sum(counts.values()), longer(counts, 0))}


def subjects(tree: Path) -> Figures:
    """Count the long subjects among the last commits."""
    log = ["git", "-C", str(tree), "log", f"-{COMMITS}", "--format=%s"]
    last = subprocess.run(log, check=True, capture_output=True, text=True).stdout.splitlines()
    return {f"subjects_over_{LONG_SUBJECT}_of_{len(last)}": counted(each for each in last if len(each) > LONG_SUBJECT)}


def fit(tree: Path) -> Figures:
    """Trace `kb.fit` in a separate process."""
    trace = [sys.executable, "-P", str(Path(__file__).with_name("fit_trace.py").resolve())]
    here = {"PYTHONPATH": str(tree), "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "jax")}
    ran = subprocess.run(trace, cwd=tree, env={**os.environ, **here}, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        return {"fit_array_files": Figure(None), "fit_files": Figure(None)}
    found = json.loads(ran.stdout.splitlines()[-1])
    return {"fit_array_files": counted(found["array"]), "fit_files": counted(found["any"])}


def operations(modules: Sequence[Module]) -> Figures:
    """Count the files that refer to a Caffe operation."""
    names_in = {str(each.path): words(each.tree) for each in modules if OTHER_FORMATS.isdisjoint(each.path.parts)}
    return {
        f"operation_{kind}": counted((path for path, found in names_in.items() if found & names), shown=True)
        for kind, names in OPERATIONS.items()
    }


def words(node: ast.AST) -> set[str]:
    """Return the names below a node, and the words of its strings, except for docstrings."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=str(text)):
                found |= {*re.findall(r"\w+", text)}
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.alias(name=name) | ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
        found |= words(child)
    return found


def cycles(modules: Sequence[Module]) -> Figures:
    """Count the import cycles at the root of the package."""
    graph = root_graph(modules)
    reach = {start: reached(graph, start) for start in graph}
    found = [*islice((ring for start in sorted(graph) for ring in rings(graph, reach, (start,))), MAX_CYCLES)]
    return {
        "in_import_cycles": counted(sorted({name for ring in found for name in ring})),
        "import_cycles": counted((" > ".join((*ring, ring[0])) for ring in found), shown=True),
    }


def root_graph(modules: Sequence[Module]) -> Graph:
    """Return the imports between the modules and packages at the root."""
    graph: Graph = {module.name.split(".")[0]: set() for module in modules if module.name}
    for module in modules:
        own = module.name.split(".")[0]
        others = {name.split(".")[1] for name in module.imports}
        graph.get(own, set()).update((others & graph.keys()) - {own})
    return graph


def reached(graph: Graph, start: str) -> set[str]:
    """Return the nodes that can be reached from a node."""
    found: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {each for node in ahead for each in graph[node]} - found
        found |= ahead
    return found


def rings(graph: Graph, reach: Graph, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield each cycle that begins with the path, whose first node is the first in the alphabet."""
    for after in sorted(graph[path[-1]]):
        if after == path[0]:
            yield path
        elif after > path[0] and after not in path and path[0] in reach[after]:
            yield from rings(graph, reach, (*path, after))


def measured(tree: Path) -> Figures:
    """Return all figures of a checkout."""
    modules = read(tree / PACKAGE)
    of_modules = [count(modules) for count in (gerunds, called_once, docstrings, lengths, operations, cycles)]
    of_tree = [count(tree) for count in (unformatted, subjects, fit)]
    return {name: each for part in (at_root(tree / PACKAGE), *of_modules, *of_tree) for name, each in part.items()}


def table(figures: Figures, verbose: bool) -> str:
    """Return the figures, one per line, with names below."""
    rows = []
    for name, figure in figures.items():
        rows.append(f"{name.replace('_', ' '):44}{'-' if figure.value is None else f'{figure.value:g}':>8}")
        rows += [f"    {each}" for each in figure.names if verbose or figure.shown]
    return "\n".join(rows)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Count figures on the structure of the code.")
    parser.add_argument("--tree", type=Path, default=Path(), help="the checkout; this folder by default")
    parser.add_argument("--json", action="store_true", help="as JSON, with all names")
    parser.add_argument("--verbose", action="store_true", help="list the counted names")
    asked = parser.parse_args()
    figures = measured(asked.tree.resolve())
    as_json = {name: {"value": each.value, "names": [*each.names]} for name, each in figures.items()}
    print(json.dumps(as_json, indent=2) if asked.json else table(figures, asked.verbose))


if __name__ == "__main__":
    main()
