"""Variants in TSV and CSV files: a line of column names, then a variant a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
