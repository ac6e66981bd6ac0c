"""decima_core explains what a genomic sequence model has learned.

The public names are the keys of ``_HOME`` below; each is loaded when first used, so that ``import decima_core`` costs
nothing and the command line answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME: dict[str, str] = {
    # writing a plugin
    "hookimpl": "hookspecs",
    "option": "options",
    "options_class": "options",
    "AttributionMethodSpec": "providers",
    "DataSourceSpec": "providers",
    "ModelSpec": "providers",
    "MotifScannerSpec": "providers",
    "PeakCallerSpec": "providers",
    "AttributionMethod": "providers",
    "DataSource": "providers",
    "DescribedModel": "providers",
    "FlankedSource": "providers",
    "JointMethod": "joint_method",
    "LabelledSource": "providers",
    "MotifScanner": "providers",
    "PeakCaller": "providers",
    "PlacedSource": "providers",
    "Scores": "providers",
    "SeveralTargets": "joint_method",
    "SequenceModel": "providers",
    "SiteScorer": "providers",
    # writing a motif scanner from parts
    "GridScanner": "scanning.scanner",
    "ScanOptions": "scanning.options",
    "Sites": "scanning.sites",
    "Strand": "scanning.strands",
    "StrandSet": "scanning.strands",
    "load_motifs": "scanning.motif_sets",
    # records
    "Attribution": "records",
    "GeneRecord": "records",
    "Interpretation": "records",
    "Locus": "records",
    "Motif": "records",
    "MotifHits": "records",
    "Peaks": "records",
    # errors
    "AttributionError": "errors",
    "ConfigError": "errors",
    "DataError": "errors",
    "DecimaError": "errors",
    "ModelError": "errors",
    "MotifError": "errors",
    "OptionError": "errors",
    "OutputError": "errors",
    "PeakError": "errors",
    "PluginError": "errors",
    "UnknownNameError": "errors",
    # running
    "Registry": "registry",
    "RunConfig": "config",
    "StageChoice": "choice",
    "TargetOptions": "sections",
    "wrap_module": "models",
    "annotate": "pipeline",
    "interpret": "pipeline",
    "open_scores": "scores.opening",
    "run": "runner",
    "Conduct": "carry_out",
    "Shard": "shards",
    "merge": "merging",
    "run_annotation": "annotate_run",
    "hits_table": "outputs.tables",
    "peaks_table": "outputs.tables",
    # comparing
    "CompareOptions": "sections",
    "ComparisonSummary": "comparison.run",
    "GeneComparison": "comparison.side_by_side",
    "compare": "comparison.side_by_side",
    "comparison_table": "comparison.table",
    "run_comparison": "comparison.run",
    # datasets, variants, building
    "HDF5Dataset": "datasets.genes",
    "VariantDataset": "datasets.variants",
    "WorkerError": "errors",
    "build_gene_file": "builder.build",
    "explain_variants": "effects.explain",
    "process_variants": "datasets.process_variants",
    "run_variants": "variant_run",
    "variant_effects": "effects.predict",
    # TF-MoDISco
    "ModiscoInputOptions": "modisco.options",
    "ModiscoOptions": "modisco.options",
    "read_modisco_patterns": "modisco.patterns",
    "run_modisco": "modisco.discover",
    "write_modisco_inputs": "modisco.inputs",
    # the original functions
    "attributions": "original_functions",
    "count_genes": "original_functions",
    "extract_gene_data": "original_functions",
    "find_attr_peaks": "original_functions",
    "get_gene_idx": "original_functions",
    "index_genes": "original_functions",
    "list_genes": "original_functions",
    "scan_attributions": "original_functions",
}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'decima_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"decima_core.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


if TYPE_CHECKING:
    from decima_core.annotate_run import run_annotation as run_annotation
    from decima_core.builder.build import build_gene_file as build_gene_file
    from decima_core.carry_out import Conduct as Conduct
    from decima_core.choice import StageChoice as StageChoice
    from decima_core.comparison.run import ComparisonSummary as ComparisonSummary
    from decima_core.comparison.run import run_comparison as run_comparison
    from decima_core.comparison.side_by_side import GeneComparison as GeneComparison
    from decima_core.comparison.side_by_side import compare as compare
    from decima_core.comparison.table import comparison_table as comparison_table
    from decima_core.config import RunConfig as RunConfig
    from decima_core.datasets.genes import HDF5Dataset as HDF5Dataset
    from decima_core.datasets.process_variants import process_variants as process_variants
    from decima_core.datasets.variants import VariantDataset as VariantDataset
    from decima_core.effects.explain import explain_variants as explain_variants
    from decima_core.effects.predict import variant_effects as variant_effects
    from decima_core.errors import AttributionError as AttributionError
    from decima_core.errors import ConfigError as ConfigError
    from decima_core.errors import DataError as DataError
    from decima_core.errors import DecimaError as DecimaError
    from decima_core.errors import ModelError as ModelError
    from decima_core.errors import MotifError as MotifError
    from decima_core.errors import OptionError as OptionError
    from decima_core.errors import OutputError as OutputError
    from decima_core.errors import PeakError as PeakError
    from decima_core.errors import PluginError as PluginError
    from decima_core.errors import UnknownNameError as UnknownNameError
    from decima_core.errors import WorkerError as WorkerError
    from decima_core.hookspecs import hookimpl as hookimpl
    from decima_core.joint_method import JointMethod as JointMethod
    from decima_core.joint_method import SeveralTargets as SeveralTargets
    from decima_core.merging import merge as merge
    from decima_core.models import wrap_module as wrap_module
    from decima_core.modisco.discover import run_modisco as run_modisco
    from decima_core.modisco.inputs import write_modisco_inputs as write_modisco_inputs
    from decima_core.modisco.options import ModiscoInputOptions as ModiscoInputOptions
    from decima_core.modisco.options import ModiscoOptions as ModiscoOptions
    from decima_core.modisco.patterns import read_modisco_patterns as read_modisco_patterns
    from decima_core.options import option as option
    from decima_core.options import options_class as options_class
    from decima_core.original_functions import attributions as attributions
    from decima_core.original_functions import count_genes as count_genes
    from decima_core.original_functions import extract_gene_data as extract_gene_data
    from decima_core.original_functions import find_attr_peaks as find_attr_peaks
    from decima_core.original_functions import get_gene_idx as get_gene_idx
    from decima_core.original_functions import index_genes as index_genes
    from decima_core.original_functions import list_genes as list_genes
    from decima_core.original_functions import scan_attributions as scan_attributions
    from decima_core.outputs.tables import hits_table as hits_table
    from decima_core.outputs.tables import peaks_table as peaks_table
    from decima_core.pipeline import annotate as annotate
    from decima_core.pipeline import interpret as interpret
    from decima_core.providers import AttributionMethod as AttributionMethod
    from decima_core.providers import AttributionMethodSpec as AttributionMethodSpec
    from decima_core.providers import DataSource as DataSource
    from decima_core.providers import DataSourceSpec as DataSourceSpec
    from decima_core.providers import DescribedModel as DescribedModel
    from decima_core.providers import FlankedSource as FlankedSource
    from decima_core.providers import LabelledSource as LabelledSource
    from decima_core.providers import ModelSpec as ModelSpec
    from decima_core.providers import MotifScanner as MotifScanner
    from decima_core.providers import MotifScannerSpec as MotifScannerSpec
    from decima_core.providers import PeakCaller as PeakCaller
    from decima_core.providers import PeakCallerSpec as PeakCallerSpec
    from decima_core.providers import PlacedSource as PlacedSource
    from decima_core.providers import Scores as Scores
    from decima_core.providers import SequenceModel as SequenceModel
    from decima_core.providers import SiteScorer as SiteScorer
    from decima_core.records import Attribution as Attribution
    from decima_core.records import GeneRecord as GeneRecord
    from decima_core.records import Interpretation as Interpretation
    from decima_core.records import Locus as Locus
    from decima_core.records import Motif as Motif
    from decima_core.records import MotifHits as MotifHits
    from decima_core.records import Peaks as Peaks
    from decima_core.registry import Registry as Registry
    from decima_core.runner import run as run
    from decima_core.scanning.motif_sets import load_motifs as load_motifs
    from decima_core.scanning.options import ScanOptions as ScanOptions
    from decima_core.scanning.scanner import GridScanner as GridScanner
    from decima_core.scanning.sites import Sites as Sites
    from decima_core.scanning.strands import Strand as Strand
    from decima_core.scanning.strands import StrandSet as StrandSet
    from decima_core.scores.opening import open_scores as open_scores
    from decima_core.sections import CompareOptions as CompareOptions
    from decima_core.sections import TargetOptions as TargetOptions
    from decima_core.shards import Shard as Shard
    from decima_core.variant_run import run_variants as run_variants
