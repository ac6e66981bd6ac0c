"""Third-party distributions as pip leaves them: an importable package with a ``.dist-info`` folder beside it."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path,
    distribution: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    entry_points: Mapping[str, str] | None = None,
    metadata: bool = True,
    requires: str = "",
) -> None:
    """Lay ``distribution`` out in ``site``.

    ``files`` maps paths to source text. Without ``entry_points`` each top-level package is announced under its own
    name, as the bundled plugins are.
    """
    for name, source in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
    if entry_points is None:
        packages = {Path(name).parts[0].removesuffix(".py") for name in files}
        entry_points = {package: package for package in packages}
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    if metadata:
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}"
        (info / "METADATA").write_text(text, encoding="utf-8")
    lines = [f"{name} = {value}" for name, value in sorted(entry_points.items())]
    (info / "entry_points.txt").write_text("\n".join(["[decima_core]", *lines, ""]))
    # The finders remember a folder's contents by its modification time, which is too coarse for two writes in a row.
    importlib.invalidate_caches()


def peak_plugin(name: str, *, spec: str = "") -> str:
    """Source of a plugin with one peak caller called ``name``; ``spec`` holds further arguments of its spec."""
    return textwrap.dedent(
        f"""
        from decima_core import PeakCallerSpec, Peaks, hookimpl, option, options_class

        @options_class
        class Options:
            number: int = option(default=1, help="How many.", at_least=0)

        class Caller:
            def __init__(self, options):
                self.options = options

            def call(self, attribution):
                return Peaks.empty(len(attribution))

        @hookimpl
        def decima_peak_callers():
            yield PeakCallerSpec(name={name!r}, summary="None at all.", options=Options, create=Caller, {spec})
        """
    )


ONE_OF_EACH = {
    "good_plugin/__init__.py": """
        from decima_core import (
            AttributionMethodSpec, DataSourceSpec, ModelSpec, MotifScannerSpec, PeakCallerSpec, hookimpl, option,
            options_class,
        )

        @options_class
        class Options:
            path: str = option(default="", help="A file.")

        def make(name):
            def create(options):
                from good_plugin import providers

                return getattr(providers, name)(options)
            return create

        @hookimpl
        def decima_data_sources():
            yield DataSourceSpec(
                name="good-source", summary="A source.", options=Options, create=make("Source"), suffixes=(".good",)
            )

        @hookimpl
        def decima_models():
            yield ModelSpec(name="good-model", summary="A model.", options=Options, create=make("Model"))

        @hookimpl
        def decima_attribution_methods():
            yield AttributionMethodSpec(name="good-method", summary="A method.", options=Options, create=make("Method"))

        @hookimpl
        def decima_peak_callers():
            yield PeakCallerSpec(
                name="good-peaks", summary="A caller.", options=Options, create=make("Caller"), aliases=("goodpeaks",)
            )

        @hookimpl
        def decima_motif_scanners():
            yield MotifScannerSpec(name="good-motifs", summary="A scanner.", options=Options, create=make("Scanner"))
    """,
    "good_plugin/providers.py": """
        class Provider:
            def __init__(self, options):
                self.options = options

        class Source(Provider):
            tasks = files = ()

            def genes(self, split=None): return ()
            def splits(self): return ()
            def read(self, gene, seq_len=None): raise KeyError(gene)
            def close(self): pass
            def __enter__(self): return self
            def __exit__(self, *exc): pass

        class Model(Provider):
            name, channels, seq_len, tasks, files = "good", 4, None, (), ()

            @property
            def module(self):
                raise RuntimeError("read before it was needed")

        class Method(Provider):
            def attribute(self, target, sequence, mask=None): ...

        class Caller(Provider):
            def call(self, attribution): ...

        class Scanner(Provider):
            motifs = ()

            def scan(self, record, attribution, peaks): ...
    """,
}
