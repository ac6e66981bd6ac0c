"""``run.json``: everything needed to know what a run was, and to repeat it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import platform
import sys
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

import decima_core

LIBRARIES = ("torch", "captum", "numpy", "scipy", "h5py", "pandas", "pyjaspar", "llvmlite")
_BLOCK = 1 << 22  # bytes hashed at a time


class InputHashes:
    """SHA-256 of input files, computed in a thread beside the run (hashing releases the interpreter)."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hash")
        self._futures: dict[str, Future[dict[str, Any]]] = {
            path: self._pool.submit(_describe_file, path, self._stop) for path in dict.fromkeys(paths)
        }

    def collect(self) -> list[dict[str, Any]]:
        """Path, bytes and SHA-256 of each file, or the reason why there is none; waits for what is not done.

        Results are not lost for want of a checksum: an input that went away meanwhile is recorded so.
        """
        described = []
        for path, future in self._futures.items():
            try:
                described.append(future.result())
            except OSError as error:
                described.append({"path": str(Path(path).resolve()), "error": error.strerror or str(error)})
        return described

    def close(self) -> None:
        """Give up what is not done."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _describe_file(path: str, stop: threading.Event) -> dict[str, Any]:
    """A file's size and digest; a folder's (a Zarr store, say) are those of its files with their names, in order."""
    digest, size = hashlib.sha256(), 0
    root = Path(path)
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    for member in files:
        if root.is_dir():
            digest.update(member.relative_to(root).as_posix().encode() + b"\0")
        with member.open("rb") as file:
            while not stop.is_set() and (block := file.read(_BLOCK)):
                digest.update(block)
                size += len(block)
    return {"path": str(root.resolve()), "bytes": size, "sha256": digest.hexdigest()}


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


def is_plain(value: Any) -> bool:
    """Whether JSON can hold ``value`` as it is, so that a run can be repeated from it."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_plain(v) for v in value)
    return isinstance(value, (str, int, float, bool)) or value is None


def plain(value: Any) -> Any:
    """``value`` as something JSON can hold; arrays and other objects are told apart by a digest or their type."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity; an option reads it back from text
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
    """Write ``content`` as JSON."""
    path.write_text(json.dumps(plain(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
