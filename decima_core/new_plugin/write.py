"""Writes a plugin package of one provider: installable, tested by the conformance kit, ready to be changed.

The templates beside this module are whole files of a package called ``my_plugin``; names are all that is replaced. A file's
place in the package is its place in the folder, without the ending ``.template``.
"""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path

import decima_core
from decima_core.errors import ConfigError, OptionError, OutputError, first_line
from decima_core.providers import kind_of

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TEMPLATES = Path(__file__).parent / "templates"


def write_plugin(kind: str, name: str, folder: str | os.PathLike[str] = ".") -> Path:
    """Write the package, and return its folder.

    Parameters
    ----------
    kind
        ``source``, ``model``, ``method``, ``peaks`` or ``motifs``.
    name
        The provider's name, which is the distribution's too, in lower kebab case; the package is called alike, with ``_``.
    folder
        Where the package's own folder, called ``name``, is made.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    OptionError
        If the name is not in lower kebab case.
    ConfigError
        If the package's name is taken by something that can be imported already.
    OutputError
        If the folder is there already, or cannot be written; nothing is left half-written.
    """
    stage = kind_of(kind).stage
    if not _NAME.fullmatch(name):
        raise OptionError(f"The name '{name}' is not in lower kebab case; write it like 'my-{stage}'.")
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or importlib.util.find_spec(package) is not None:
        raise ConfigError(
            f"A package '{package}' exists already, and two cannot be imported by one name; choose another, "
            f"such as 'my-{name}'."
        )
    target = Path(folder) / name
    if target.exists():
        raise OutputError(f"'{target}' exists already; choose another name, or another folder with --output.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"The folder '{target.parent}' cannot be written ({first_line(error)}).") from error
    try:
        for source in ("common", stage):
            for path in sorted((TEMPLATES / source).rglob("*.template")):
                place = str(path.relative_to(TEMPLATES / source)).removesuffix(".template")
                written = partial / place.replace("my_plugin", package)
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(_fill(path.read_text(encoding="utf-8"), stage, name), encoding="utf-8")
        (partial / package / "py.typed").touch()
        partial.chmod(0o755)
        partial.rename(target)
    except OSError as error:
        raise OutputError(f"The plugin cannot be written to '{target}' ({first_line(error)}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _fill(text: str, stage: str, name: str) -> str:
    major, minor = decima_core.__version__.split(".")[:2]
    label = kind_of(stage).label
    words = {
        "my_plugin": name.replace("-", "_"),
        "my-plugin": name,
        "STAGE": stage,
        "ARTICLE": "An" if label[0] in "aeiou" else "A",
        "LABEL": label,
        "CHECKED": " -O path=FILE" if stage == "source" else "",
        "CORE": f"decima-core>={major}.{minor},<{major}.{int(minor) + 1}",
    }
    for word, value in words.items():
        text = text.replace(word, value)
    return text
