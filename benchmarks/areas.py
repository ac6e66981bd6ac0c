"""The areas, in the order of the page: heading, and what the reader is told of what is measured."""

from __future__ import annotations

ABOUT: dict[str, tuple[str, str]] = {
    "genes": (
        "Gene access",
        "A gene file in the layout that Decima writes, random bases, read again and again: the operating system has it in memory. The "
        "*floor* reads the codes with one `pread` and makes the one-hot form in a fresh array, the mask from two integers: no "
        "program that hands out a new array for each gene can do less.",
    ),
}
"""Name of each area: its heading and its introduction."""
