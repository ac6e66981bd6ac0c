"""``python -m benchmarks``: every area, one after another."""

from importlib import import_module

from benchmarks.area import main
from benchmarks.areas import ABOUT

main([import_module(f"benchmarks.{name}").AREA for name in ABOUT])
