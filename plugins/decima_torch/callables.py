"""A model from Python code: ``module:callable`` or ``path/to/file.py:callable``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from decima_core.errors import ModelError, UnknownNameError, first_line, sentence


def build_from_callable(path: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, str | None]:
    """The module that ``path`` names, and the source file it came from.

    The name may stand for a module object, a module class, or a function that returns a module.

    Raises
    ------
    UnknownNameError
        If the Python module has no such name; with near matches.
    ModelError
        If the path has another form, the import fails, or the callable raises or returns something else.
    """
    place, colon, name = path.rpartition(":")
    if not (colon and place and name):
        raise ModelError(f"'{path}' is neither a model file nor module:callable; write for example my_model:build.")
    # An installed console command does not search the current folder, nor a file's own; a person expects it to, also for
    # what the callable imports when it is called.
    with _searched_first(Path(place).parent if place.endswith(".py") else Path.cwd()):
        module = _import(place)
        return _build(path, module, name, arguments), getattr(module, "__file__", None)


def _build(path: str, module: ModuleType, name: str, arguments: Mapping[str, Any]) -> nn.Module:
    target: Any = module
    for part in name.split("."):
        if not hasattr(target, part):
            where = f"'{path.rpartition(':')[0]}'"
            raise UnknownNameError("model", part, [n for n in dir(target) if not n.startswith("_")], where=where)
        target = getattr(target, part)
    if isinstance(target, nn.Module):
        if arguments:
            raise ModelError(f"'{path}' is a model already and takes no arguments; leave out model.arguments.")
        return target
    if not callable(target):
        raise ModelError(
            f"'{path}' is a {type(target).__name__}; it must be a torch module or a function that makes one."
        )
    try:
        built = target(**arguments)
    except (Exception, SystemExit) as error:
        given = f" with the arguments {', '.join(arguments)}" if arguments else ""
        raise ModelError(sentence(f"'{path}' raised when called{given}: {first_line(error)}")) from error
    if not isinstance(built, nn.Module):
        raise ModelError(f"'{path}' returned {type(built).__name__}; it must return a torch.nn.Module.")
    return built


def _import(place: str) -> ModuleType:
    if place.endswith(".py"):
        return _import_file(Path(place))
    try:
        importlib.invalidate_caches()
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        absent = error.name or ""
        if place == absent or place.startswith(f"{absent}."):
            raise ModelError(
                f"There is no Python module '{place}' in the current folder or among the installed packages; "
                "write module:callable, or the path of a file: path/to/file.py:callable."
            ) from error
        raise ModelError(
            f"The Python module '{place}' needs '{absent}', which is not installed; install the package that holds it."
        ) from error
    except (Exception, SystemExit) as error:
        raise ModelError(_not_imported(f"The Python module '{place}'", error)) from error


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise ModelError(f"There is no file '{file}'.")
    # Under a name of its own it hides no installed module; dataclasses and the like look it up in sys.modules.
    spec = importlib.util.spec_from_file_location(f"_decima_model_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ModelError(f"'{file}' cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise ModelError(_not_imported(f"'{file}'", error)) from error
    return module


def _not_imported(what: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{what} cannot be imported: {error.msg} in '{error.filename}', line {error.lineno}."
    return sentence(f"{what} cannot be imported: {first_line(error)}")


@contextmanager
def _searched_first(folder: Path) -> Iterator[None]:
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(entry)
