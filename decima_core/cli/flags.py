"""The flags that several commands share, and the run that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decima_core.choice import STAGES, choose, split_options
from decima_core.cli.complete import provider_names
from decima_core.config import RunConfig
from decima_core.errors import ConfigError, first_line
from decima_core.options import parse_pair, split_list
from decima_core.registry import Registry
from decima_core.target_list import read_targets

if TYPE_CHECKING:
    from decima_core.carry_out import Conduct

Command = TypeVar("Command", bound=Callable[..., Any])

FLAGS: dict[str, Callable[[Any], Any]] = {
    "source": click.option(
        "--source", metavar="FILE", help="The gene file (HDF5) or genome (FASTA), or a data source's name."
    ),
    "gene-table": click.option(
        "--gene-table",
        metavar="FILE",
        help="The genes of a genome: GTF, GFF3, BED, TSV or .h5ad; short for -O source.genes=FILE.",
    ),
    "model": click.option(
        "--model", metavar="MODEL", help="module:callable, a .pt2 or TorchScript file, or a model's name (demo)."
    ),
    "weights": click.option("--weights", metavar="FILE", help="The model's weights; short for -O model.weights=FILE."),
    "genes": click.option(
        "--genes",
        metavar="NAMES",
        multiple=True,
        help="Genes, separated by commas, or @FILE with one a line; default: all.",
    ),
    "split": click.option("--split", help="Take the genes of this split."),
    "tasks": click.option(
        "--tasks",
        metavar="NAMES",
        multiple=True,
        help="Tasks to explain, by name, number from 0, or query: \"cell_type == 'T cell'\".",
    ),
    "off-tasks": click.option(
        "--off-tasks", metavar="NAMES", multiple=True, help="Tasks to contrast with; default: all others."
    ),
    "targets": click.option(
        "--targets",
        metavar="FILE",
        help="Several targets, in place of one: TOML with [targets.NAME] tables, or TSV or CSV with columns name, tasks, off_tasks ...",
    ),
    "transform": click.option(
        "--transform", metavar="NAME", help="specificity (the default of run) or aggregate (that of variants)."
    ),
    "method": click.option(
        "--method",
        metavar="NAME",
        shell_complete=provider_names("method"),
        help="Attribution method; default: input-x-gradient.",
    ),
    "peaks": click.option(
        "--peaks", metavar="NAME", shell_complete=provider_names("peaks"), help="Peak caller; default: scipy."
    ),
    "motifs": click.option(
        "--motifs", metavar="NAME", shell_complete=provider_names("motifs"), help="Motif scanner; default: jaspar."
    ),
    "option": click.option(
        "-O",
        "--option",
        "pairs",
        metavar="STAGE.KEY=VALUE",
        multiple=True,
        help="An option of a stage, e.g. peaks.number=20.",
    ),
    "seq-len": click.option("--seq-len", type=int, help="Window length in bases; default: the model's, or the file's."),
    "device": click.option("--device", help="auto (default), cpu, cuda, cuda:N or mps."),
    "precision": click.option(
        "--precision",
        type=click.Choice(["float32", "tf32", "bf16", "fp16"]),
        help="Number format inside the model; default: float32. What another changes is measured on the first gene.",
    ),
    "low-memory": click.option(
        "--low-memory",
        is_flag=True,
        default=None,
        help="Hold less of the model's intermediate results: a little more time, the same numbers.",
    ),
    "compile": click.option(
        "--compile", is_flag=True, default=None, help="Compile the model with torch.compile; pays in long runs."
    ),
    "seed": click.option("--seed", type=int, help="Seed of everything random; default: 0."),
    "output": click.option("--output", "-o", metavar="FOLDER", help="Where the results go; default: results."),
    "attributions": click.option(
        "--attributions",
        type=click.Choice(["full", "projected", "float16"]),
        help="How they are stored: full, four float32 a base, which Decima's tools read (default); projected, one float32, "
        "that of the base that is there; float16, the same in half precision.",
    ),
    "bigwig": click.option(
        "--bigwig", is_flag=True, default=None, help="Write the attribution as a BigWig too, attributions.bw."
    ),
    "overwrite": click.option(
        "--overwrite", is_flag=True, default=None, help="Replace a finished or unfinished run in the output folder."
    ),
    "resume": click.option(
        "--resume", is_flag=True, help="Go on with the unfinished run in the output folder; without one, begin."
    ),
    "fail-fast": click.option("--fail-fast", is_flag=True, help="Stop at the first gene that fails."),
    "shard": click.option(
        "--shard",
        metavar="I/N",
        help="Do the I-th of N parts of the genes; `decima-core merge` puts the parts together.",
    ),
    "workers": click.option(
        "--workers", type=int, metavar="N", help="Do the genes in N processes; default: in this one."
    ),
    "dask": click.option(
        "--dask",
        metavar="ADDRESS",
        help="Do them on the workers of a Dask scheduler: tcp://HOST:PORT, its file (.json), or local, with --workers.",
    ),
    "threads": click.option(
        "--threads", type=int, metavar="N", help="Threads of each process; default: its share of the cores."
    ),
    "quiet": click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors."),
}


COMPUTE = ("precision", "low-memory", "compile")


def flags(*names: str) -> Callable[[Command], Command]:
    """Give a command these flags, in this order."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = FLAGS[name](command)
        return command

    return decorate


WORKERS = ("workers", "dask", "threads")
CONDUCT = ("resume", "fail-fast", "shard")


def conduct_of(given: dict[str, Any]) -> Conduct:
    """How a run is carried out, taken out of the flags that were given."""
    from decima_core.carry_out import Conduct
    from decima_core.shards import Shard

    shard = given.pop("shard")
    resume, fail_fast = given.pop("resume"), given.pop("fail_fast")
    return Conduct(resume=resume, fail_fast=fail_fast, shard=None if shard is None else Shard.parse(shard))


def listed(flag: str, values: tuple[str, ...]) -> list[str] | None:
    """``--tasks a,b --tasks c`` as one list; None if not given. Commas within quotes or brackets, as of a query, do not part."""
    parts = [part for value in values for part in split_list(value)]
    if values and not parts:
        # An empty shell variable, say, must not silently mean all.
        raise ConfigError(f"{flag} was given without a name; give names, or leave it out.")
    return parts or None


def configure(
    config: str | None,
    pairs: tuple[str, ...],
    flags: dict[str, Any],
    variants: Mapping[str, Any] | None = None,
    scores: Mapping[str, Any] | None = None,
    compare: Mapping[str, Any] | None = None,
) -> tuple[RunConfig, Registry]:
    """The run that a TOML file and flags describe, and the plugins it was read with.

    A command gives ``variants``, ``scores`` or ``compare`` if it reads that section. The others take none of its options by ``-O``,
    though the TOML file may hold them.

    Raises
    ------
    ConfigError
        For an option of a section that the command does not read, and all else that is wrong with the run.
    """
    registry = Registry.discover()
    base = RunConfig.from_file(config) if config else RunConfig(stages={})
    options, sections = split_options([parse_pair(p) for p in pairs])
    for section, (owner, taken) in {
        "compute": ("run", {} if "precision" in flags else None),
        "variants": ("variants", variants),
        "scores": ("annotate", scores),
        "compare": ("compare", compare),
    }.items():
        if taken is None and sections[section]:
            key = next(iter(sections[section]))
            raise ConfigError(
                f"The option {section}.{key} belongs to decima-core {owner}, and nothing here reads it; leave it out, or use that "
                "command."
            )
    providers: dict[str, str] = {}
    merged: dict[str, dict[str, Any]] = {}
    for stage in STAGES:
        value = flags.pop(stage, None)
        if value is not None:
            choice = choose(stage, value, registry)
            assert choice.provider is not None
            providers[stage] = choice.provider
            merged[stage] = dict(choice.options)
    for flag, stage, option in (("weights", "model", "weights"), ("gene_table", "source", "genes")):
        value = flags.pop(flag, None)
        if value is not None:
            merged.setdefault(stage, {})[option] = value
    for stage, extra in options.items():
        merged.setdefault(stage, {}).update(extra)
    chosen: dict[str, Any] = {
        **sections["target"],
        **{k: v for k in ("tasks", "off_tasks") if (v := listed(f"--{k.replace('_', '-')}", flags.pop(k, ())))},
    }
    transform = flags.pop("transform", None)
    if transform is not None:
        chosen["transform"] = transform
    listing = flags.pop("targets", None)
    computing = {n: value for name in COMPUTE if (value := flags.pop(n := name.replace("-", "_"), None)) is not None}
    flags["genes"] = gene_names(flags["genes"])
    changed = base.with_changes(
        providers=providers,
        options=merged,
        target=chosen,
        targets=None if listing is None else read_targets(listing),
        compute={**sections["compute"], **computing},
        variants={**sections["variants"], **(variants or {})},
        scores={**sections["scores"], **(scores or {})},
        compare={**sections["compare"], **(compare or {})},
        **flags,
    )
    return changed, registry


def gene_names(values: tuple[str, ...]) -> list[str] | None:
    """``--genes`` as a list; ``@FILE`` is replaced by the file's lines."""
    names: list[str] = []
    for part in listed("--genes", values) or []:
        if not part.startswith("@"):
            names.append(part)
            continue
        try:
            text = Path(part[1:]).read_text(encoding="utf-8")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or first_line(error)
            raise ConfigError(f"The list of genes '{part[1:]}' cannot be read: {reason}.") from None
        if not lines:
            raise ConfigError(f"The list of genes '{part[1:]}' is empty; write one gene a line.")
        names.extend(lines)
    return names or None
