"""Reading MEME files, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decima_core import ScanOptions, load_motifs
from decima_core.errors import MotifError, UnknownNameError
from decima_core.scanning.meme import read_meme

GOOD = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.303 C 0.183 G 0.209 T 0.306

MOTIF crp the_name
letter-probability matrix: alength= 4 w= 3 nsites= 17 E= 4.1e-009
 0.000000  0.176471  0.000000  0.823529
 0.000000  0.058824  0.647059  0.294118
 1.0 0 0 0
URL http://meme-suite.org/crp

MOTIF lexA
log-odds matrix: alength= 4 w= 2 E= 0
  -1 20 30 4
  1 2 3 4
letter-probability matrix: alength=4 w=1 nsites=14 E=3.2e-035
 0.214286 0.000000 0.000000 0.785714
"""


@pytest.fixture
def meme_file(tmp_path: Path) -> Path:
    path = tmp_path / "motifs.meme"
    path.write_text(GOOD)
    return path


def test_reads_ids_names_and_matrices(meme_file: Path) -> None:
    crp, lex = read_meme(meme_file)
    assert (crp.id, crp.name, crp.width) == ("crp", "the_name", 3)
    assert (lex.id, lex.name, lex.width) == ("lexA", "lexA", 1)
    np.testing.assert_allclose(crp.ppm[:, 0], [0, 0.176471, 0, 0.823529], atol=1e-6)
    np.testing.assert_allclose(crp.ppm.sum(0), 1, rtol=1e-12)
    np.testing.assert_allclose(lex.ppm[:, 0], [0.214286, 0, 0, 0.785714], atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("w= 3 ", "").replace("alength= 4 ", ""),  # the size is optional
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("MEME version 4", "MEME version 5.5.7 (release 2024)"),
        GOOD.replace("ALPHABET= ACGT", 'ALPHABET "DNA" DNA-LIKE\nA "Adenine" ~ T "Thymine"\nEND ALPHABET'),
        GOOD.replace("ALPHABET= ACGT\n", ""),
        GOOD.rstrip("\n"),
    ],
)
def test_other_spellings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.meme"
    path.write_bytes(text.encode())
    assert [m.width for m in read_meme(path)] == [3, 1]


ROW = " 0.000000  0.058824  0.647059  0.294118\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (ROW, ROW.replace("0.294118", ""), "Line 13 .* has 3 numbers in the matrix of motif 'crp', not 4"),
        (ROW, ROW.replace("\n", " 0.1\n"), "Line 13 .* has 5 numbers"),
        (ROW, ROW.replace("0.294118", "x"), "Line 13 .* no number in the matrix of motif 'crp'"),
        (ROW, ROW.replace("0.294118", "0.5"), "Line 13 .* four probabilities that sum to 1"),
        (ROW, ROW.replace("0.058824", "-0.058824"), "Line 13 .* four probabilities"),
        (ROW, ROW.replace("0.058824", "nan"), "Line 13 .* four probabilities"),
        (ROW, "", "Line 11 .* announces 3 rows for motif 'crp', but 2 follow"),
        (ROW, ROW + ROW, "Line 15 .* is row 4 of motif 'crp', which announced w= 3"),
        ("w= 3", "w= three", "Line 11 .* says w= three"),
        ("alength= 4 w= 3", "alength= 20 w= 3", "Line 11 .* alength= 20"),
        ("MOTIF lexA", "MOTIF crp", "Line 17 .* second motif 'crp' .*line 10"),
        ("MOTIF lexA", "MOTIF", "Line 17 .* without an id"),
        ("MOTIF lexA", "", "Line 21 .* without a MOTIF line"),
        ("letter-probability matrix: alength=4 w=1", "", "Line 17 .* 'lexA', which has no letter-probability matrix"),
        ("letter-probability matrix: alength= 4 w= 3", "", "Line 10 .* 'crp', which has no letter-probability matrix"),
        ("ALPHABET= ACGT", "ALPHABET= ACDEFGHIKLMNPQRSTVWY", "Line 3 .* alphabet ACDEF.*only DNA"),
        ("ALPHABET= ACGT", 'ALPHABET "RNA" RNA-LIKE', "Line 3 .*only DNA"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = tmp_path / "bad.meme"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(MotifError, match=message) as caught:
        read_meme(path)
    assert "bad.meme" in str(caught.value)


@pytest.mark.parametrize("text", ["", "MEME version 4\n", ">seq\nACGT\n"])
def test_a_file_without_motifs(tmp_path: Path, text: str) -> None:
    path = tmp_path / "none.meme"
    path.write_text(text)
    with pytest.raises(MotifError, match=r"none\.meme.*holds no line that starts with 'MOTIF'"):
        read_meme(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MotifError, match=r"absent\.meme' cannot be read \(No such file"):
        load_motifs(ScanOptions(path=str(tmp_path / "absent.meme")))
    with pytest.raises(MotifError, match="cannot be read"):
        load_motifs(ScanOptions(path=str(tmp_path)))


def test_chosen_by_path_or_by_motifs_and_filtered_by_name(meme_file: Path) -> None:
    assert [m.id for m in load_motifs(ScanOptions(path=str(meme_file)))] == ["crp", "lexA"]
    assert [m.id for m in load_motifs(ScanOptions(motifs=meme_file))] == ["crp", "lexA"]
    assert [m.id for m in load_motifs(ScanOptions(motifs=str(meme_file), names=("LEXA",)))] == ["lexA"]
    assert [m.id for m in load_motifs(ScanOptions(path=str(meme_file), names=("The_Name",)))] == ["crp"]
    with pytest.raises(UnknownNameError, match=r"no motif 'lexB' in '.*motifs\.meme'. Did you mean lexA"):
        load_motifs(ScanOptions(path=str(meme_file), names=("lexB",)))
