"""What every data source promises; checked on the file that its options name."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from decima_core.errors import DataError, UnknownNameError
from decima_core.providers import DataSource, FlankedSource, LabelledSource, PlacedSource
from decima_core.records import GeneRecord
from decima_core.testing.results import CheckFailedError, CheckSkippedError, require, require_ability
from decima_core.testing.subject import Subject

MOST = 5  # genes looked at, from each end of the list


def _some_genes(source: DataSource) -> list[str]:
    names = list(source.genes())
    return list(dict.fromkeys([*names[:MOST], *names[-MOST:]]))


def same_record(a: GeneRecord, b: GeneRecord) -> bool:
    """Whether two records are of one gene and agree in everything."""
    return (
        (a.gene, a.tss, a.locus, a.split) == (b.gene, b.tss, b.locus, b.split)
        and np.array_equal(a.codes, b.codes)
        and np.array_equal(a.mask, b.mask)
    )


def check_source_lists_genes(subject: Subject) -> None:
    """``genes()`` names each gene once, in the same order at every call; ``files`` and ``tasks`` are lists of text."""
    with subject.create() as source:
        names = list(source.genes())
        require(
            names, f"{subject.label} lists no gene; check it with options that name a file with at least two genes."
        )
        require(all(type(n) is str for n in names), f"{subject.label} lists genes that are not text (str).")
        require(len(set(names)) == len(names), f"{subject.label} lists a gene twice; each name must be unique.")
        require(list(source.genes()) == names, f"{subject.label} lists its genes in another order at the second call.")
        for what in ("files", "tasks"):
            listed = getattr(source, what)
            require(
                not isinstance(listed, str) and all(type(item) is str for item in listed),
                f"{what} of {subject.label} must be a sequence of text, not {listed!r}.",
            )
        for file in source.files:
            require(Path(file).exists(), f"files of {subject.label} names '{file}', which does not exist.")


def check_source_records(subject: Subject) -> None:
    """``read`` returns the gene asked for; its TSS is the first masked base, its split one that ``splits()`` names."""
    with subject.create() as source:
        splits = list(source.splits())
        for gene in _some_genes(source):
            found = source.read(gene)
            require(
                isinstance(found, GeneRecord) and found.gene == gene,
                f"read('{gene}') of {subject.label} did not return the GeneRecord of that gene.",
            )
            if found.mask.any():
                require(
                    found.tss == found.mask_bounds[0],
                    f"The TSS of gene '{gene}' is {found.tss}, but its first masked base is {found.mask_bounds[0]}; return the "
                    "window in transcript orientation, with the TSS at the first masked base.",
                )
            require(
                found.split is None or found.split in splits,
                f"Gene '{gene}' is of split '{found.split}', which splits() of {subject.label} does not name: {splits}.",
            )
            require(
                same_record(source.read(gene), found), f"Gene '{gene}' reads otherwise at the second call of read()."
            )


def check_source_crops_centrally(subject: Subject) -> None:
    """``read(gene, n)`` is the central n bases of ``read(gene)``, with mask, TSS and place cut alike."""
    with subject.create() as source:
        for gene in _some_genes(source):
            whole = source.read(gene)
            for length in {len(whole), len(whole) - 1, len(whole) // 2, 1} - {0}:
                part = source.read(gene, length)
                require(
                    len(part) == length,
                    f"read('{gene}', {length}) of {subject.label} returned {len(part)} bases.",
                )
                # Where one base is left over, either side may have it.
                spare = (len(whole) - length) % 2
                offsets = [(len(whole) - length) // 2 + i for i in range(spare + 1)]
                fits = [
                    o
                    for o in offsets
                    if np.array_equal(part.codes, whole.codes[o : o + length])
                    and np.array_equal(part.mask, whole.mask[o : o + length])
                    and (part.tss is None) == (whole.tss is None)
                    and (part.tss is None or whole.tss is None or part.tss == whole.tss - o)
                    and (whole.locus is None or part.locus == whole.locus.crop(o, length))
                ]
                require(
                    fits,
                    f"read('{gene}', {length}) of {subject.label} is not the centre of read('{gene}'): crop codes, mask, tss "
                    "(which may leave the window) and locus by the same offset.",
                )


def check_source_refuses_lengths(subject: Subject) -> None:
    """A window longer than the data, or of no base, is a DataError (or an OptionError), never a shorter window."""
    with subject.create() as source:
        gene = source.genes()[0]
        for length in (0, -1, 10**12):
            try:
                found = source.read(gene, length)
            except (DataError, ValueError):
                continue
            except Exception as error:
                if type(error).__module__ == "decima_core.errors":
                    continue
                raise
            raise CheckFailedError(
                f"read('{gene}', {length}) of {subject.label} returned {len(found)} bases; raise DataError where there are not "
                "as many as were asked for."
            )


def check_source_splits(subject: Subject) -> None:
    """Every split's genes are genes of the source, in its order; a split that does not exist is an UnknownNameError."""
    with subject.create() as source:
        names = list(source.genes())
        seen: list[str] = []
        for split in source.splits():
            own = list(source.genes(split))
            require(own, f"splits() of {subject.label} names '{split}', which has no gene.")
            require(
                own == [n for n in names if n in set(own)],
                f"genes('{split}') of {subject.label} is not a part of genes() in the same order.",
            )
            require(
                all(source.read(g).split == split for g in own[:MOST]),
                f"genes('{split}') of {subject.label} lists a gene whose record is of another split.",
            )
            seen += own
        require(len(seen) == len(set(seen)), f"A gene is in two splits of {subject.label}.")
        try:
            source.genes("no-such-split")
        except UnknownNameError:
            return
        raise CheckFailedError(
            f"genes('no-such-split') of {subject.label} did not raise UnknownNameError; an unknown split must not look empty."
        )


def check_source_unknown_gene(subject: Subject) -> None:
    """A mistyped gene is an UnknownNameError that offers the near match."""
    with subject.create() as source:
        gene = source.genes()[0]
        wrong = f"{gene}{gene[-1]}x"
        able = {"read": True, "locus": isinstance(source, PlacedSource), "labels": isinstance(source, LabelledSource)}
        for name in (name for name, has in able.items() if has):
            try:
                getattr(source, name)(wrong)
            except UnknownNameError as error:
                require(
                    gene in error.known,
                    f"{name}('{wrong}') of {subject.label} does not offer the gene's right name; raise "
                    "UnknownNameError('gene', name, known=self.genes()).",
                )
            except DataError as error:
                if name == "labels":  # there are none at all
                    continue
                raise CheckFailedError(f"{name}('{wrong}') of {subject.label} raised DataError ({error}).") from error
            else:
                raise CheckFailedError(f"{name}('{wrong}') of {subject.label} did not raise UnknownNameError.")


def check_source_two_opens_agree(subject: Subject) -> None:
    """Two sources made from the same options hold the same genes in the same order."""
    with subject.create() as one, subject.create() as two:
        require(list(one.genes()) == list(two.genes()), f"Two openings of {subject.label} list different genes.")
        for gene in _some_genes(one):
            require(
                same_record(one.read(gene), two.read(gene)), f"Two openings of {subject.label} differ in gene '{gene}'."
            )


def check_source_records_last(subject: Subject) -> None:
    """A record that was read stays what it is when others are read, and when the source is closed."""
    with subject.create() as source:
        names = _some_genes(source)
        first = source.read(names[0])
        kept = np.array(first.codes), np.array(first.mask)
        for gene in names:
            source.read(gene)
            source.read(gene, max(1, len(first) // 2))
    require(
        np.array_equal(first.codes, kept[0]) and np.array_equal(first.mask, kept[1]),
        f"Records of {subject.label} change when another gene is read, or when it is closed; return arrays of their own, not "
        "a buffer that is used again.",
    )


def check_source_closes(subject: Subject) -> None:
    """After ``close()`` none of its files is open in this process; closing twice does no harm."""
    source = subject.create()
    source.read(source.genes()[0])
    source.close()
    source.close()
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        raise CheckSkippedError("Open files can be seen under Linux only.")
    # Files that another source of the same path has open are not this one's.
    other = {os.path.realpath(f) for f in source.files}
    still = [str(p) for p in descriptors.iterdir() if os.path.realpath(p) in other]
    require(
        not still,
        f"{subject.label} leaves a file open after close(); close every handle, also those that were opened lazily.",
    )


def check_source_pickles(subject: Subject) -> None:
    """A source crosses to another process, opened or not, and reads the same there."""
    with subject.create() as source:
        gene = source.genes()[0]
        fresh = pickle.dumps(source)
        expected = source.read(gene)
        opened = pickle.dumps(source)
        for state, data in (("before", fresh), ("after", opened)):
            with pickle.loads(data) as copy:
                require(
                    same_record(copy.read(gene), expected),
                    f"A copy of {subject.label} pickled {state} its first read differs.",
                )
        code = (
            "import pickle, sys\n"
            "source, gene = pickle.load(sys.stdin.buffer)\n"
            "with source:\n"
            "    pickle.dump(source.read(gene), sys.stdout.buffer)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=pickle.dumps((source, gene)),
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        require(
            done.returncode == 0,
            f"{subject.label} cannot be used in another process: "
            f"{(done.stderr.decode(errors='replace').strip().splitlines() or ['it ended early'])[-1]}",
        )
        require(
            same_record(pickle.loads(done.stdout), expected),
            f"{subject.label} reads gene '{gene}' otherwise in another process.",
        )


def check_source_labels(subject: Subject) -> None:
    """Labels, where there are any, are ``(T, 1)`` float32 in the order of ``tasks``."""
    with subject.create() as source:
        require_ability(source, LabelledSource, "labels")
        gene = source.genes()[0]
        try:
            found = source.labels(gene)
        except DataError:
            raise CheckSkippedError("The file it was checked on has no labels.") from None
        tasks = len(source.tasks)
        require(
            found.ndim == 2 and found.shape[1] == 1 and found.dtype == np.float32,
            f"labels('{gene}') of {subject.label} has shape {found.shape} and type {found.dtype}; it must be (tasks, 1) float32.",
        )
        require(
            not tasks or found.shape[0] == tasks,
            f"labels('{gene}') of {subject.label} has {found.shape[0]} values for {tasks} tasks.",
        )


def check_source_places(subject: Subject) -> None:
    """``locus`` is the place of the record that ``read`` returns, at every length; its contig is known."""
    with subject.create() as source:
        require_ability(source, PlacedSource, "locus")
        known = source.contigs()
        for gene in _some_genes(source):
            whole = source.read(gene)
            for length in (None, max(1, len(whole) // 2)):
                place = source.locus(gene, length)
                require(
                    place == source.read(gene, length).locus,
                    f"locus('{gene}', {length}) of {subject.label} is not the locus of read('{gene}', {length}).",
                )
                require(
                    place is None or place.chrom in known,
                    f"contigs() of {subject.label} does not name '{place.chrom if place else ''}', where gene '{gene}' lies.",
                )


def check_source_flanks(subject: Subject) -> None:
    """``read_flanked`` holds the window of ``read`` at the offset it returns, at most as much wider as was asked for."""
    with subject.create() as source:
        require_ability(source, FlankedSource, "read_flanked")
        for gene in _some_genes(source):
            whole = len(source.read(gene))
            for length, flank in ((None, 0), (None, 7), (max(1, whole // 2), 5)):
                inner = source.read(gene, length)
                wide, offset = source.read_flanked(gene, length, flank)
                window = slice(offset, offset + len(inner))
                what = f"read_flanked('{gene}', {length}, {flank}) of {subject.label}"
                require(
                    offset >= 0 and np.array_equal(wide.codes[window], inner.codes),
                    f"{what} does not hold the bases of read() at the offset {offset} that it returns.",
                )
                require(
                    len(wide) <= len(inner) + 2 * flank,
                    f"{what} returned {len(wide)} bases, more than the window and {flank} on each side.",
                )
                require(
                    wide.locus is None or inner.locus is None or wide.locus.crop(offset, len(inner)) == inner.locus,
                    f"The locus of {what} is not that of the wider window.",
                )


CHECKS = (
    check_source_lists_genes,
    check_source_records,
    check_source_crops_centrally,
    check_source_refuses_lengths,
    check_source_splits,
    check_source_unknown_gene,
    check_source_two_opens_agree,
    check_source_records_last,
    check_source_closes,
    check_source_pickles,
    check_source_labels,
    check_source_places,
    check_source_flanks,
)
