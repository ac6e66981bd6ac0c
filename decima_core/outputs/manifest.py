"""``run.json``: everything needed to know what a run was, and to repeat it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

import decima_core
from decima_core.errors import OutputError

LIBRARIES = ("torch", "captum", "numpy", "scipy", "h5py", "pandas", "pyjaspar", "lightmotif")


class InputHashes:
    """SHA-256 of input files, computed in a thread beside the run (hashing releases the interpreter)."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hash")
        self._futures: dict[str, Future[dict[str, Any]]] = {
            path: self._pool.submit(_describe_file, path) for path in dict.fromkeys(paths)
        }

    def collect(self) -> list[dict[str, Any]]:
        """Path, bytes and SHA-256 of each file; waits for what is not done."""
        return [future.result() for future in self._futures.values()]

    def close(self) -> None:
        """Give up what has not started."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _describe_file(path: str) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": str(Path(path).resolve()), "bytes": Path(path).stat().st_size, "sha256": digest}


def software() -> dict[str, str]:
    """Versions of Python, decima_core and the libraries that compute."""
    versions = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "decima-core": decima_core.__version__,
    }
    for library in LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def command_line() -> list[str]:
    """The command that started this process."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else []


def plain(value: Any) -> Any:
    """``value`` as something JSON can hold; arrays and other objects are told apart by a digest or their type."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if attrs.has(type(value)):
        return plain(attrs.asdict(value, recurse=False))
    if hasattr(value, "numpy"):
        value = value.numpy()  # a torch tensor
    if hasattr(value, "tobytes") and hasattr(value, "shape"):
        return {"shape": list(value.shape), "sha256": hashlib.sha256(value.tobytes()).hexdigest()}
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(plain(content), indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror or error}.") from error
