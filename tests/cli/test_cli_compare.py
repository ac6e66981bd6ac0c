"""``decima-core compare`` as a person uses it: a real process, real files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fake_distributions import install
from support import ROOT

from decima_core.comparison.table import COLUMNS, GENE_COLUMNS, PAIR_COLUMNS

BASICS = (
    "--source", "genes.h5", "--model", "support:MotifDetector", "--tasks", "0", "--device", "cpu",
    "-O", "motifs.path=motifs.meme", "-O", "motifs.p_threshold=1e-3", "--p-value", "1e-3",
)  # fmt: skip
THREE = ("--method", "input-x-gradient,integrated-gradients[n_steps=5]", "--method", "integrated-gradients[n_steps=9]")
# A method that works on the first gene alone, and one that cannot be made.
FRAGILE = {
    "fragile/__init__.py": """
        from decima_core import AttributionMethodSpec, Scores, hookimpl, options_class

        @options_class
        class Options:
            pass

        class Once:
            def __init__(self, options):
                self.calls = 0

            def attribute(self, target, sequence, mask=None):
                self.calls += 1
                if self.calls > 1:
                    raise ValueError("only once")
                return Scores(values=sequence.clone())

        def never(options):
            raise RuntimeError("not on this machine")

        @hookimpl
        def decima_attribution_methods():
            yield AttributionMethodSpec(name="once", summary="Works once.", options=Options, create=Once)
            yield AttributionMethodSpec(name="never", summary="Never works.", options=Options, create=never)
    """
}


def run(*arguments: str, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", "compare", *arguments]
    folders = [str(ROOT / "tests"), *([str(site)] if site else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)


def printed(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), sep="\t").set_index("contender")


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#")


def test_a_table_for_a_pipe_and_a_folder(workspace: Path) -> None:
    done = run(*BASICS, *THREE, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "3 genes, 3 contenders, on cpu"
    assert done.stderr.splitlines()[1].startswith("3 genes in ")
    found = printed(done.stdout)
    labels = ["input-x-gradient", "integrated-gradients[n_steps=5]", "integrated-gradients[n_steps=9]"]
    assert found.index.tolist() == labels
    assert ["contender", *found.columns] == list(COLUMNS)
    assert found["status"].tolist() == ["reference", "ok", "ok"]
    # All methods see the planted GATAAGC, and name it.
    assert (found["same_name"].iloc[1:] == 1).all()
    assert (found["hits_jaccard"].iloc[1:] > 0).all()
    assert sorted(path.name for path in (workspace / "out").iterdir()) == [
        "comparison.tsv", "comparison_genes.tsv", "comparison_pairs.tsv", "run.json",
    ]  # fmt: skip
    written = table(workspace / "out" / "comparison.tsv").set_index("contender")
    pd.testing.assert_frame_equal(written, found)
    pairs = table(workspace / "out" / "comparison_pairs.tsv")
    assert list(pairs.columns) == list(PAIR_COLUMNS)
    matrix = pairs.pivot(index="reference", columns="contender", values="peaks_jaccard")
    assert matrix.shape == (3, 3)
    assert matrix.equals(matrix.T)
    genes = table(workspace / "out" / "comparison_genes.tsv")
    assert list(genes.columns) == list(GENE_COLUMNS)
    assert len(genes) == 9
    means = genes.groupby("contender")["spearman"].mean()
    assert means[labels[1]] == pytest.approx(found.loc[labels[1], "spearman"], abs=1e-8)
    header = (workspace / "out" / "comparison.tsv").read_text(encoding="utf-8").splitlines()[:9]
    assert "# reference: input-x-gradient" in header
    assert "# hits compared: those under a peak with a p-value of at most 0.001" in header


def test_the_record_says_what_was_compared_and_repeats_it(decima: Callable, workspace: Path) -> None:
    first = decima("compare", *BASICS, *THREE, "--top", "3", "--output", "out")
    assert first.code == 0, first.err
    record = json.loads((workspace / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["contenders"][0] == "input-x-gradient"
    compared = record["compared"]["method"]
    assert compared["integrated-gradients[n_steps=9]"]["options"]["n_steps"] == 9
    assert record["config"]["compare"]["top"] == 3
    assert record["failures"] == {}
    assert record["genes"] == ["SPI1", "CD68", "GATA1"]
    assert {Path(entry["path"]).name for entry in record["inputs"]} >= {"genes.h5", "motifs.meme"}
    again = decima("compare", "out/run.json", "--output", "again")
    assert again.code == 0, again.err
    timed = ["attribute_s", "peaks_s", "motifs_s"]
    pd.testing.assert_frame_equal(printed(again.out).drop(columns=timed), printed(first.out).drop(columns=timed))
    refused = decima("compare", "out/run.json", "--output", "again")
    assert refused.code == 1
    assert "already holds a finished run" in refused.err
    assert decima("compare", "out/run.json", "--output", "again", "--overwrite", "--quiet").err == ""


def test_a_file_names_contenders_and_flags_win(decima: Callable, workspace: Path) -> None:
    (workspace / "run.toml").write_text(
        'source = "genes.h5"\nmodel = "support:MotifDetector"\noutput = "not-written"\ndevice = "cpu"\n'
        '[target]\ntasks = ["0"]\n[motifs]\npath = "motifs.meme"\n'
        '[compare]\npeaks = ["scipy[number=1]", "scipy[number=3]"]\n',
        encoding="utf-8",
    )
    done = decima("compare", "run.toml")
    assert done.code == 0, done.err
    assert printed(done.out).index.tolist() == ["scipy[number=1]", "scipy[number=3]"]
    assert not (workspace / "not-written").exists()
    both = decima("compare", "run.toml", "--method", "saliency,deep-lift", "--genes", "SPI1", "-O", "compare.top=1")
    assert both.code == 0, both.err
    assert printed(both.out).index.tolist() == [
        "saliency + scipy[number=1]",
        "saliency + scipy[number=3]",
        "deep-lift + scipy[number=1]",
        "deep-lift + scipy[number=3]",
    ]


def test_a_table_for_a_person(decima: Callable, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    done = decima("compare", *BASICS, "--peaks", "scipy,scipy[height=1e6]", "--format", "table", "--genes", "SPI1")
    assert done.code == 0
    assert "scipy[height=none] is the reference; means over 1 gene" in done.out
    (row,) = [line.split() for line in done.out.splitlines() if line.split()[:1] == ["scipy[height=1000000.0]"]]
    assert row[1:7] == ["1.00", "0.00", "0.00", "0.00", "0", "0"]
    assert "scipy[height=1000000.0]: same_name is undefined in 1 of 1 genes: no paired peak has a name" in done.out
    assert "1 gene in" in done.err


def test_contenders_that_fail_are_shown_and_the_others_go_on(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("site")
    install(site, "fragile", FRAGILE)
    done = run(*BASICS, "--method", "input-x-gradient,once,never,saliency", "-o", "out", site=site)
    assert done.returncode == 1
    found = printed(done.stdout)
    assert found["status"].tolist() == ["reference", "failed", "failed", "ok"]
    assert found["genes"].tolist() == [3, 1, 0, 3]
    assert found.loc["once", "note"] == "The method 'once' on gene 'CD68' failed: ValueError: only once"
    assert "could not be created: RuntimeError: not on this machine" in found.loc["never", "note"]
    lines = done.stderr.splitlines()
    assert lines[-1] == "decima-core: error: 2 of 4 contenders failed (once, never); the table says why."
    assert sum(line.startswith("decima-core: warning: A contender is left out") for line in lines) == 2
    assert "Traceback" not in done.stderr
    record = json.loads((workspace / "out" / "run.json").read_text(encoding="utf-8"))
    assert set(record["failures"]) == {"once", "never"}
    pairs = table(workspace / "out" / "comparison_pairs.tsv")
    assert set(pairs["contender"]) == {"input-x-gradient", "saliency"}
    first = run(*BASICS, "--method", "once,saliency", "-o", "other", site=site)
    assert first.returncode == 1
    assert "This was the reference, 'once', with which all others are compared." in first.stderr
    assert first.stdout == ""
    assert not (workspace / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is only one contender, 'input-x-gradient + scipy + jaspar'; name several for a stage"),
        (("--method", "saliency"), "There is only one contender"),
        (("--method", "saliency,deep-lfit"), "There is no attribution method 'deep-lfit'. Did you mean deep-lift?"),
        (("--peaks", "scipy,scipi"), "There is no peak caller 'scipi'. Did you mean scipy?"),
        (("--motifs", " , "), "--motifs was given without a name"),
        (("--method", "saliency,deep-lift[x"), "The brackets of 'saliency,deep-lift[x' do not match"),
        (("--method", "saliency,saliency"), "'saliency' is to be compared with itself"),
        (
            ("--method", "saliency,deep-lift", "-O", "method.n_stepz=1"),
            "There is no option 'n_stepz' in any attribution method",
        ),
        (("--method", "saliency,deep-lift", "--top", "0"), "Option 'top' of the compare must be at least 1"),
        (
            ("--method", "saliency,deep-lift", "--genes", "SPI"),
            "genes.h5'. Did you mean SPI1?",
        ),
        (("--method", "saliency,deep-lift", "--tasks", "9"), "There is no task number '9'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line(decima: Callable, workspace: Path, arguments: tuple[str, ...], message: str) -> None:
    done = decima("compare", *BASICS, *arguments, "-o", "out")
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.splitlines()[-1].startswith("decima-core: error: ")
    assert "Traceback" not in done.err
    assert not (workspace / "out").exists()


def test_the_shell_completes_the_last_name() -> None:
    from click.shell_completion import ShellComplete

    from decima_core.cli import cli

    complete = ShellComplete(cli, {}, "decima-core", "_DECIMA_CORE_COMPLETE")
    found = complete.get_completions(["compare", "--method"], "deep-lift,sali")
    assert [item.value for item in found] == ["deep-lift,saliency"]
