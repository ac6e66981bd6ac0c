"""What the README shows in Python and as commands works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest
from support import ROOT, random_codes, write_gene_file

import decima_core.cli
from decima_core.sequence import decode

README = (ROOT / "README.md").read_text(encoding="utf-8")
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    tasks = ["CD14", "CD19"]

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(5, 2, 9, padding=4)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x)).sum(2)

def build():
    return Net()
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files the README speaks of."""
    import torch
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_gene_file(tmp_path / "genes.h5", random_codes(0, 2, 300), names=["SPI1", "CD68"], tasks=["CD14", "CD19"])
    (tmp_path / "my_model.py").write_text(MODEL)
    torch.manual_seed(0)
    namespace: dict = {}
    exec(MODEL, namespace)
    save_file(namespace["build"]().state_dict(), tmp_path / "weights.safetensors")
    (tmp_path / "pipeline.toml").write_text(
        'source = "genes.h5"\nmodel = "my_model:build"\noutput = "by-toml"\n[target]\ntasks = ["CD14"]\n'
    )
    write_genome(tmp_path)
    write_scores(tmp_path)
    return tmp_path


def write_genome(folder: Path) -> None:
    """A small genome with the two genes, their labels, and a variant."""
    bases = decode(random_codes(1, 1, 4_000)[0])
    (folder / "genome.fa").write_text(f">chr1\n{bases}\n", encoding="utf-8")
    genes = [("SPI1", 1_000, 1_900, "-"), ("CD68", 2_000, 2_700, "+")]
    gtf = [
        f'chr1\tx\tgene\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "{g}"; gene_name "{g}";'
        for g, start, end, strand in genes
    ]
    (folder / "genes.gtf").write_text("\n".join(gtf) + "\n", encoding="utf-8")
    (folder / "expression.tsv").write_text("gene\tCD14\tCD19\nSPI1\t1\t2\nCD68\t3\t4\n", encoding="utf-8")
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    record = f"chr1\t1500\t.\t{bases[1499:1502]}\t{bases[1499]}\t.\t.\t.\n"
    (folder / "in.vcf").write_text(head + record, encoding="utf-8")


def write_scores(folder: Path) -> None:
    """Scores of two windows as ChromBPNet writes them, and the peaks they are centred on."""
    one_hot = np.eye(4, dtype=np.int8)[random_codes(2, 2, 200)].transpose(0, 2, 1)
    scores = np.random.default_rng(0).normal(size=one_hot.shape).astype(np.float32)
    with h5py.File(folder / "contribs.h5", "w") as file:
        file["raw/seq"], file["shap/seq"], file["projected_shap/seq"] = one_hot, scores, one_hot * scores
    rows = [("chr1", 500 * i, 500 * i + 300, f"peak{i}", 0, ".", 0, 0, 0, 120) for i in (1, 2)]
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "peaks.narrowPeak").write_text(text, encoding="utf-8")


def test_the_python_example_is_short_and_runs(workspace, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    assert len(code.splitlines()) < 10
    exec(compile(code, "README.md", "exec"), {})
    assert "motif_id" in capsys.readouterr().out


def test_the_commands_run(workspace, capsys):
    shown = "\n".join(re.findall(r"^```bash\n(.*?)^```", README, re.M | re.S)).replace("\\\n", " ")
    commands = [shlex.split(line, comments=True) for line in shown.splitlines() if line.startswith("decima-core")]
    assert [c[1] for c in commands] == [
        "genes", "run", "run", "build", "run", "run", "merge", "variants", "annotate", "plugins", "show", "run", "compare", "check", "run",
    ]  # fmt: skip
    assert "hg38_ctcf_windows.h5" in commands.pop()  # on the real data, run by test_real_data.py
    # One line has two commands.
    at = next(i for i, command in enumerate(commands) if "&&" in command)
    both = commands[at]
    commands[at : at + 1] = [both[: both.index("&&")], both[both.index("&&") + 1 :]]
    for command in commands:
        try:
            decima_core.cli.main(command[1:])
        except SystemExit as stop:
            pytest.fail(f"{' '.join(command)} ended with {stop.code}: {capsys.readouterr().err}")
    assert (workspace / "results" / "run.json").exists()
    assert (workspace / "by-toml" / "run.json").exists()
    assert (workspace / "from-genome" / "run.json").exists()
    assert (workspace / "everything" / "run.json").exists()
    assert (workspace / "in-parts" / "run.json").exists()
    assert (workspace / "effects" / "motif_changes.tsv").exists()
    assert (workspace / "built.h5").exists()
    assert (workspace / "named" / "run.json").exists()


def test_nothing_is_left_to_fill_in():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        assert not re.search(r"FILL_|TODO|FIXME|XXX", page.read_text(encoding="utf-8")), page.name


def test_the_two_set_up_commands_are_what_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -c constraints.txt -e '.[dev]' && decima-core demo" in README
    assert "pip install --quiet -c constraints.txt -e '.[dev]'" in ci
    assert re.search(r"^decima-core demo", ci, re.M)
    assert re.search(r"^pytest$", ci, re.M)
    assert "```bash\npytest\n```" in README
