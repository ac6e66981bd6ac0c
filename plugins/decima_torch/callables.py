"""A model from Python code: ``module:callable`` or ``path/to/file.py:callable``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from decima_core.errors import ModelError, UnknownNameError, first_line


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
    module = _import(place)
    target: Any = module
    for part in name.split("."):
        if not hasattr(target, part):
            raise UnknownNameError("model", part, [n for n in dir(target) if not n.startswith("_")], where=f"'{place}'")
        target = getattr(target, part)
    if isinstance(target, nn.Module):
        if arguments:
            raise ModelError(f"'{path}' is a model already and takes no arguments; leave out model.arguments.")
        return target, module.__file__
    if not callable(target):
        raise ModelError(
            f"'{path}' is a {type(target).__name__}; it must be a torch module or a function that makes one."
        )
    try:
        built = target(**arguments)
    except Exception as error:
        given = f" with the arguments {', '.join(arguments)}" if arguments else ""
        raise ModelError(f"'{path}' raised when called{given}: {first_line(error)}") from error
    if not isinstance(built, nn.Module):
        raise ModelError(f"'{path}' returned {type(built).__name__}; it must return a torch.nn.Module.")
    return built, module.__file__


def _import(place: str) -> ModuleType:
    if place.endswith(".py"):
        return _import_file(Path(place))
    try:
        with _current_folder_first():
            return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and place.split(".")[0] == error.name.split(".")[0]:
            raise ModelError(
                f"There is no Python module '{place}' in the current folder or among the installed packages."
            ) from error
        raise ModelError(f"The Python module '{place}' needs '{error.name}', which is not installed.") from error
    except Exception as error:
        raise ModelError(f"The Python module '{place}' cannot be imported: {first_line(error)}") from error


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise ModelError(f"There is no file '{file}'.")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ModelError(f"'{file}' cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"'{file}' cannot be imported: {first_line(error)}") from error
    return module


@contextmanager
def _current_folder_first() -> Iterator[None]:
    """An installed console command does not search the current folder; a person expects it to."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
