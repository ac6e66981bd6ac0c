"""The shape of the project: arrows point one way, plugins use the public door, and the lists agree with each other."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import decima_core

CORE = Path(decima_core.__file__).parent
ROOT = Path(__file__).parent.parent
PLUGINS = sorted(
    e.name for e in importlib.metadata.distribution("decima-core").entry_points if e.group == "decima_core"
)

# From the ground up: a module imports from layers below its own, or from its own package. What is not listed here
# belongs in a layer before it is merged.
LAYERS = (
    ("errors", "heavy"),
    ("sequence", "options", "device", "files", "guard", "memory", "model_call", "read_ahead"),
    ("sections", "anndata_tables", "task_query"),
    ("arrays", "model_tasks", "attribution_layout", "native"),
    ("records",),
    ("providers",),
    ("joint_method",),
    ("hookspecs", "methods", "models", "naming", "scanning", "variants", "weights"),
    ("registered",),
    ("loading",),
    ("registry",),
    ("choice", "target_list"),
    ("config",),
    ("targets", "scores", "compute"),
    ("joint_target",),
    ("attribute",),
    ("deviation",),
    ("pipeline", "outputs"),
    ("datasets", "workers"),
    ("effects",),
    ("run_record", "shards", "fingerprint", "pace"),
    ("before", "gene_work"),
    ("workforce",),
    ("carry_out",),
    ("runner", "builder"),
    (
        "original_functions",
        "demo",
        "testing",
        "new_plugin",
        "variant_run",
        "comparison",
        "modisco",
        "annotate_run",
        "merging",
    ),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
PUBLIC_TO_PLUGINS = {
    "errors",
    "files",
    "methods",
    "models",
    "native",
    "options",
    "providers",
    "records",
    "sequence",
    "testing",
    "weights",
}
HEAVY = {
    "torch",
    "captum",
    "h5py",
    "scipy",
    "pyjaspar",
    "pandas",
    "llvmlite",
    "safetensors",
    "Bio",
    "rich",
    "pysam",
    "pyarrow",
    "anndata",
    "memelite",
    "numba",
    "pyBigWig",
    "hdf5plugin",
    "tangermeme",
    "distributed",
    "dask",
}
# Modules that the command line and every plugin's announcement may import: nothing heavy at their top.
LIGHT = {
    "__init__", "__main__", "errors", "options", "providers", "hookspecs", "registered", "registry", "config",
    "choice", "sections", "heavy", "loading", "joint_method",
    "target_list",
}  # fmt: skip


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def plugin_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def plugin_files() -> list[Path]:
    return [path for package in PLUGINS for path in sorted(plugin_folder(package).rglob("*.py"))]


def area(path: Path) -> str:
    """The part of decima_core a file belongs to: a top-level module or a subpackage."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imported(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Dotted names a file imports when it runs (``if TYPE_CHECKING`` left out); with ``top_only``, when it is imported."""

    def walk(nodes: list[ast.stmt]) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                yield node.module or ""
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from walk(node.orelse)
            elif not (top_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
                for child in ("body", "orelse", "finalbody"):
                    yield from walk(getattr(node, child, []))
                for handler in getattr(node, "handlers", []):
                    yield from walk(handler.body)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")).body)


def core_areas(path: Path) -> set[str]:
    """Parts of decima_core that a file imports; a public name counts as the part it lives in."""
    found = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "decima_core" and len(parts) > 1:
            found.add(decima_core._HOME.get(parts[1], parts[1]).split(".")[0])
    return found - {"__version__"}


# --- arrows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_arrows_point_one_way(path: Path) -> None:
    own = area(path)
    if own == "__init__":
        assert set(imported(path)) <= {"__future__", "__future__.annotations", "importlib", "typing"} | {
            f"typing.{name}" for name in ("TYPE_CHECKING", "Any")
        }
        return
    assert own in LEVEL, f"give decima_core.{own} a layer"
    for other in core_areas(path) - {own}:
        assert other in LEVEL, f"give decima_core.{other} a layer"
        assert LEVEL[other] < LEVEL[own], f"decima_core.{own} must not import decima_core.{other}"


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_the_engine_knows_no_plugin(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not {r for r in roots if r.startswith("decima_") and r != "decima_core"}
    assert "plugins" not in roots


@pytest.mark.parametrize("path", plugin_files(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_plugins_use_the_public_door(path: Path) -> None:
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root.startswith("decima_") and root != "decima_core":
            assert root == path.relative_to(plugin_folder(path.parent.name).parent).parts[0], (
                f"{name} is another plugin"
            )
        elif root == "decima_core" and rest:
            part = rest.split(".")[0]
            assert part in PUBLIC_TO_PLUGINS or part in decima_core.__all__, f"{name} is not public"


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_heavy_libraries_stay_out_of_light_modules(path: Path) -> None:
    own = area(path)
    if own in LIGHT or own == "cli":
        roots = {name.split(".")[0] for name in imported(path, top_only=True)}
        assert not roots & (HEAVY | {"numpy"})
    elif own in ("records", "arrays", "sequence"):
        assert not {name.split(".")[0] for name in imported(path)} & HEAVY, "records need numpy and nothing else"


@pytest.mark.parametrize("package", PLUGINS)
def test_announcements_are_light(package: str) -> None:
    reached, waiting = set(), [plugin_folder(package) / "__init__.py"]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        for name in imported(path, top_only=True):
            root, _, rest = name.partition(".")
            assert root not in HEAVY | {"numpy"}, f"{path} imports {root} when {package} is announced"
            sibling = plugin_folder(package) / f"{rest.split('.')[0]}.py"
            if root == package and rest and sibling.exists() and sibling not in reached:
                waiting.append(sibling)


# --- lists that agree -------------------------------------------------------------------------------------------------


def test_folders_wheel_list_and_entry_points_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    entry_points = project["project"]["entry-points"]["decima_core"]
    assert entry_points == {name: name for name in PLUGINS}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert wheel == ["decima_core", *(f"plugins/{name}" for name in PLUGINS)]
    assert set(project["tool"]["mypy"]["packages"]) == {"decima_core", *PLUGINS}
    folder = ROOT / "plugins"
    if folder.is_dir():  # not beside the tests when they run against an installed wheel
        assert sorted(p.parent.name for p in folder.glob("*/__init__.py")) == PLUGINS


def test_public_names_and_the_type_checkers_block_agree() -> None:
    assert decima_core.__all__ == [*sorted(decima_core._HOME), "__version__"]
    tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    typed = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        (alias,) = node.names
        assert alias.asname == alias.name, "written 'x as x', which re-exports it"
        typed[alias.name] = (node.module or "").removeprefix("decima_core.")
    assert typed == decima_core._HOME


@pytest.mark.parametrize("name", sorted(decima_core._HOME))
def test_public_names_exist_and_are_documented(name: str) -> None:
    value = getattr(decima_core, name)
    home = importlib.import_module(f"decima_core.{decima_core._HOME[name]}")
    assert getattr(home, name) is value
    assert name in dir(decima_core)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return
    doc = inspect.getdoc(value) or ""
    assert doc
    assert not doc.startswith("Method generated by attrs")
    assert len(doc.splitlines()[0]) <= 120
    if inspect.isclass(value):
        for member, function in vars(value).items():
            public = inspect.isfunction(function) and not member.startswith("_")
            if public and function.__qualname__.startswith(f"{value.__name__}.") and not is_stub(function):
                assert inspect.getdoc(function), f"{name}.{member} has no docstring"


def is_stub(function: object) -> bool:
    """A protocol's one-line ``...`` member, which its class's docstring describes."""
    return inspect.getsource(function).rstrip().endswith("...")  # type: ignore[arg-type]


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'decima_core' has no attribute 'interprt'"):
        decima_core.interprt  # noqa: B018


@pytest.mark.parametrize("path", [*core_files(), *plugin_files()], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_files_hold_one_idea() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in [*core_files(), *plugin_files()]}
    assert {path.name: n for path, n in lines.items() if n > 370} == {}
    assert statistics.median(lines.values()) < 120
