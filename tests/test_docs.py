"""The documents say what the program does: links resolve, commands exist, examples run and print what is shown.

A comment before a fenced block says what the test does with it: ``<!-- test: file NAME -->`` writes it, ``run`` executes
Python, ``same`` executes console commands, or with ``run`` compares what Python prints with the ``text`` block that follows;
``needs NAME`` brings a file of the real data, or a small stand-in whose output is not compared; ``with MODULE`` passes over what
needs an optional package that is absent. ``...`` stands for anything.
"""

from __future__ import annotations

import doctest
import importlib.util
import io
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import attrs
import click
import h5py
import numpy as np
import pytest
from support import DATA, MotifDetector, plant, random_codes, word_ppm, write_gene_file, write_meme

from decima_core import Registry, RunConfig, run
from decima_core.annotate_run import stages_of
from decima_core.choice import STAGES, StageChoice
from decima_core.cli import cli, main
from decima_core.effects.motif_changes import CHANGE_COLUMNS
from decima_core.effects.predict import EFFECT_COLUMNS
from decima_core.options import describe
from decima_core.outputs.tables import HIT_COLUMNS, PEAK_COLUMNS
from decima_core.sections import ScoreOptions, TargetOptions, VariantOptions
from decima_core.variant_run import MOTIF_LEAD
from decima_core.variants.place import COLUMNS
from decima_core.variants.status import STATUSES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^(?:<!-- test: (?P<test>.*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
# Wall times differ from run to run.
SECONDS = re.compile(r"\d+\.\d s\b")


@attrs.frozen
class Block:
    """A fenced block: what to do with it, its language and its text."""

    test: tuple[str, ...]
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(tuple(filter(None, (m["test"] or "").split(", "))), m["language"], m["text"])
        for m in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def commands(text: str) -> Iterator[tuple[list[str], str]]:
    """The arguments of each ``decima-core`` command of a block, and what is shown as its output."""
    prompted = any(line.startswith("$ ") for line in text.splitlines())
    shown = re.split(r"^\$ ", text, flags=re.M)[1:] if prompted else text.replace("\\\n", " ").splitlines()
    for part in shown:
        line, _, output = part.replace("\\\n", " ").partition("\n")
        words = shlex.split(line, comments=True)
        if words[:1] == ["decima-core"]:
            yield words[1:], output


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page have on the usual hosts."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.replace("`", "").lower()).replace(" ", "-") for h in headings}


def table(page: Path, heading: str, column: int = 0) -> list[str]:
    """One column of the first table under a heading, without the back quotes."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page.read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{page.name} has no heading {heading!r}"
    rows = [line.strip("|").split("|") for line in found[1].splitlines() if line.startswith("|")]
    return [row[column].strip().strip("`") for row in rows[2:]]


def assert_same(got: str, shown: str, where: str) -> None:
    got, shown = (SECONDS.sub("0.0 s", text) for text in (got, shown))
    shown = shown.replace("...\n", "...")  # no line at all is also anything
    same = doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert same, f"{where}\n--- shown\n{shown}\n--- printed\n{got}"


# --- links, commands, tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_internal_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}; {target.name} has {anchors(target)}"


def test_every_page_is_on_the_map() -> None:
    linked = re.findall(r"\]\(([^)\s#]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert {(DOCS / link).resolve() for link in linked} == {p.resolve() for p in PAGES} - {DOCS / "index.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    written = [c for b in blocks(page) if b.language in ("console", "bash", "sh") for c, _ in commands(b.text)]
    inline = re.findall(r"`(decima-core [a-z][^`]*)`", FENCE.sub("", text))
    for arguments in [*written, *(shlex.split(c)[1:] for c in inline)]:
        with click.Context(cli) as context:
            name, command, rest = cli.resolve_command(context, arguments)
            assert name is not None
            assert command is not None
            # --help ends a command before its other words are looked at.
            if rest and "--help" not in rest and not any(word.isupper() for word in rest):
                command.make_context(name, list(rest), parent=context).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_run_descriptions_are_valid(page: Path) -> None:
    registry = Registry.discover()
    for block in blocks(page):
        content = tomllib.loads(block.text) if block.language == "toml" else {}
        if content and "project" not in content:  # a plugin's pyproject.toml describes no run
            config = RunConfig.from_mapping(content)
            config.plan(registry, stages_of(config) if "scores" in content else STAGES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run with peaks, hits and genome coordinates."""
    folder = tmp_path_factory.mktemp("run")
    codes = random_codes(0, 2, 100)
    for row in codes:
        plant(row, "GATAAG", 20)
    write_gene_file(folder / "genes.h5", codes)
    (folder / "windows.bed").write_text("chr1\t100\t200\tG0\t0\t+\nchr1\t300\t400\tG1\t0\t-\n", encoding="utf-8")
    motifs = write_meme(folder / "motifs.meme", {"GATA": word_ppm("GATAAG")})
    module = folder / "detector.py"
    module.write_text("from support import MotifDetector\n", encoding="utf-8")
    config = RunConfig(
        stages={
            "source": StageChoice(None, {"path": folder / "genes.h5", "loci": str(folder / "windows.bed")}),
            "model": StageChoice("torch", {"path": f"{module}:{MotifDetector.__name__}"}),
            "motifs": StageChoice("jaspar", {"path": str(motifs), "p_threshold": 1e-3}),
        },
        target=TargetOptions(tasks=("0",)),
        output=str(folder / "results"),
    )
    summary = run(config)
    assert summary.peaks >= 2
    assert summary.hits >= 2
    return summary.output


FORMATS = DOCS / "formats.md"


def test_formats_lists_the_columns_of_the_tables(finished: Path) -> None:
    assert table(FORMATS, "peaks.tsv") == list(PEAK_COLUMNS)
    assert table(FORMATS, "hits.tsv") == list(HIT_COLUMNS)
    for name in ("peaks.tsv", "hits.tsv", "peaks.bed", "hits.bed"):
        lines = (finished / name).read_text(encoding="utf-8").splitlines()
        keys = [line[2:].partition(":")[0] for line in lines if line.startswith("# ")]
        header = next(line for line in lines if not line.startswith("# ")).lstrip("#").split("\t")
        assert table(FORMATS, name) == header
        assert table(FORMATS, "Header lines") == keys


def test_formats_lists_the_attribution_file(finished: Path) -> None:
    names, shapes, types = (table(FORMATS, "attributions.h5", column) for column in range(3))
    sizes = {"G": 2, "L": 100, "4": 4}
    with h5py.File(finished / "attributions.h5") as file:
        assert sorted(names) == sorted(file)
        for name, shape, kind in zip(names, shapes, types, strict=True):
            assert file[name].shape == tuple(sizes[n] for n in re.findall(r"\w+", shape)), name
            is_text = h5py.check_string_dtype(file[name].dtype) is not None
            assert ("text" if is_text else str(file[name].dtype)) == kind, name
        text = FORMATS.read_text(encoding="utf-8")
        assert all(f"`{name}`" in text for name in file.attrs)


def test_formats_lists_the_gene_file(finished: Path) -> None:
    with h5py.File(finished.parent / "genes.h5") as file:
        assert set(file) <= set(table(FORMATS, "Gene file (HDF5)"))


def test_formats_lists_run_json_and_the_files(finished: Path) -> None:
    record = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert table(FORMATS, "run.json") == list(record)
    assert all(f"### {path.name}\n" in FORMATS.read_text(encoding="utf-8") for path in finished.iterdir())


def test_formats_lists_the_tables_of_variants() -> None:
    assert table(FORMATS, "effects") == [*COLUMNS, *EFFECT_COLUMNS]
    assert table(FORMATS, "motif_changes") == [*MOTIF_LEAD, "rank", *CHANGE_COLUMNS]
    assert table(FORMATS, "Status of a variant") == list(STATUSES)
    assert [cell.replace("`", "") for cell in table(FORMATS, "Status of a variant", 1)] == [
        meaning.replace("`", "") for meaning in STATUSES.values()
    ]


def test_the_page_on_variants_lists_every_option() -> None:
    page = DOCS / "variants.md"
    options = describe(VariantOptions)
    assert table(page, "As a file") == [f"variants.{option.name}" for option in options]
    assert table(page, "As a file", 2) == [option.help for option in options]


def test_the_page_on_annotate_lists_every_option() -> None:
    page = DOCS / "annotate.md"
    options = describe(ScoreOptions)
    assert table(page, "As a file") == [f"scores.{option.name}" for option in options]
    assert table(page, "As a file", 2) == [option.help for option in options]


def test_the_examples_on_datasets_run() -> None:
    page = [block for block in blocks(DOCS / "datasets.md") if block.language == "python"]
    assert len(page) == 2
    for block in page:
        shown = re.findall(r"# .*?(\d* ?torch\.Size\(.*?\))", block.text)
        assert shown
        assert shown[-1] in printed_by_python(block.text)


def test_formats_states_the_defaults() -> None:
    registry = Registry.discover()
    providers = {"peaks": "scipy", "motifs": "jaspar"}
    for name, shown in zip(table(FORMATS, "Thresholds"), table(FORMATS, "Thresholds", 1), strict=True):
        stage, _, option = name.partition(".")
        default = getattr(registry.get(stage, providers[stage]).spec.options(), option)
        assert shown == ("none" if default is None else str(default)), name


def test_methods_and_index_list_every_bundled_provider() -> None:
    bundled = [p for p in Registry.discover().providers() if p.owner.distribution == "decima-core"]
    methods = {p.spec.name for p in bundled if p.kind.stage == "method"}
    assert set(table(DOCS / "methods.md", "Attribution")) == methods
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert all(f"`{p.spec.name}`" in index for p in bundled)


# --- examples ---------------------------------------------------------------------------------------------------------


def bring(name: str) -> bool:
    """Put a file of the real data into the current folder, or a small one of its kind; whether it is the real one."""
    if (DATA / name).is_file():
        shutil.copy(DATA / name, name)
        return True
    codes = random_codes(1, 2, 200)
    one_hot = (codes[:, None, :] == np.arange(4)[None, :, None]).astype(np.int8)
    scores = np.random.default_rng(1).normal(size=one_hot.shape).astype(np.float32)
    scores[:, :, 100:108] += 50
    np.savez(name, one_hot=one_hot, attributions=scores)
    return False


def printed_by_python(text: str) -> str:
    stream = io.StringIO()
    with redirect_stdout(stream):
        exec(compile(text, "the documents", "exec"), {"__name__": "__main__"})
    return stream.getvalue()


def printed_by_command(arguments: list[str]) -> tuple[str, object]:
    """What a command prints, and its exit status."""
    stream, status = io.StringIO(), None
    with redirect_stdout(stream), redirect_stderr(stream):
        try:
            main(arguments)
        except SystemExit as stop:
            status = stop.code
    return stream.getvalue(), status


@pytest.mark.parametrize("name", ["tutorial", "annotate"])
def test_the_examples_run_and_print_what_is_shown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DECIMA_CACHE_DIR", str(tmp_path / "cache"))
    page = blocks(DOCS / f"{name}.md")
    for number, block in enumerate(page):
        notes = dict(note.partition(" ")[::2] for note in block.test)
        if "with" in notes and importlib.util.find_spec(notes["with"]) is None:
            continue
        if "file" in notes:
            Path(notes["file"]).write_text(block.text, encoding="utf-8")
        elif block.language == "console" and "same" in notes:
            real = bring(notes["needs"]) if "needs" in notes else True
            for arguments, shown in commands(block.text):
                output, status = printed_by_command(arguments)
                if real:
                    assert_same(output, shown, shlex.join(arguments))
                assert (status == 1) == ("error:" in shown)
        elif "run" in notes:
            real = bring(notes["needs"]) if "needs" in notes else True
            output = printed_by_python(block.text)
            if "same" in notes and real:
                assert page[number + 1].language == "text"
                assert_same(output, page[number + 1].text, block.text)
        else:
            assert not block.test, f"not understood: {block.test}"
