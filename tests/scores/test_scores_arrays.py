"""Arrays for TF-MoDISco: each way to store them gives the same windows, and each way to be wrong one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from score_files import read_all

from decima_core import ConfigError, DataError, UnknownNameError, open_scores
from decima_core.sequence import decode


def pair(windows, **changes):
    np.savez("hot.npz", changes.get("one_hot", windows.one_hot))
    np.savez("scores.npz", changes.get("scores", windows.scores))
    return {"path": "scores.npz", "sequences": "hot.npz"}


def same_windows(scores, windows) -> None:
    assert len(scores.names) == len(windows.codes)
    # Backwards too, for a stream is read again from its beginning.
    for i in [*range(len(scores.names)), *reversed(range(len(scores.names)))]:
        record, attribution = scores.read(scores.names[i])
        np.testing.assert_array_equal(record.codes, windows.codes[i])
        np.testing.assert_array_equal(attribution.values, windows.projected()[i])
        assert record.gene == attribution.gene == scores.names[i]
        assert not record.mask.any()
        assert record.tss is attribution.tss is None


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_pair_of_npz(windows, save):
    save("hot.npz", windows.one_hot)
    save("scores.npz", attributions=windows.scores)
    with open_scores("scores.npz", sequences="hot.npz") as scores:
        same_windows(scores, windows)
        assert list(scores.names) == ["window0", "window1", "window2"]
        assert [Path(f).name for f in scores.files] == ["scores.npz", "hot.npz"]
        assert scores.facts.format == "TF-MoDISco arrays"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_one_npz_with_both(windows, save):
    save("both.npz", one_hot=windows.one_hot, attributions=windows.scores, more=np.arange(3))
    with open_scores("both.npz") as scores:
        same_windows(scores, windows)


def test_a_pair_of_npy_is_mapped(windows):
    np.save("hot.npy", windows.one_hot)
    np.save("scores.npy", np.asfortranarray(windows.scores))
    with open_scores("scores.npy", sequences="hot.npy") as scores:
        same_windows(scores, windows)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_bases_may_come_before_channels(windows, dtype):
    np.save("hot.npy", windows.one_hot.transpose(0, 2, 1).astype(bool))
    np.save("scores.npy", windows.scores.transpose(0, 2, 1).astype(dtype))
    with open_scores("scores.npy", sequences="hot.npy") as scores:
        same_windows(scores, windows)


def test_sequences_may_be_fasta_which_names_the_windows(windows):
    np.save("scores.npy", windows.scores)
    names = ["peak_a", "chr1:5-45", "third"]
    lines = [f">{name} of a genome\n{decode(row)}\n" for name, row in zip(names, windows.codes, strict=True)]
    Path("windows.fa").write_text("".join(lines))
    with open_scores("scores.npy", sequences="windows.fa") as scores:
        same_windows(scores, windows)
        assert list(scores.names) == names
        assert scores.read("third")[0].locus is None


def test_a_window_that_does_not_exist(windows):
    with (
        open_scores(**pair(windows)) as scores,
        pytest.raises(UnknownNameError, match=r"window 'window9' in '.*scores"),
    ):
        scores.read("window9")


def test_memory_is_that_of_one_window():
    """Windows of 40 MB in a compressed file, read one by one, in far less than the 160 MB of all."""
    import tracemalloc

    n, length = 4, 2_500_000
    np.savez_compressed("hot.npz", np.zeros((n, 4, length), np.int8))
    np.savez_compressed("scores.npz", np.zeros((n, 4, length), np.float32))
    with open_scores("scores.npz", sequences="hot.npz", values="as-is") as scores:
        scores.read("window0")
        tracemalloc.start()
        peaks = []
        for name in scores.names:
            scores.read(name)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
        tracemalloc.stop()
    assert peaks[-1] < 1.2 * peaks[0]


# --- what is wrong ----------------------------------------------------------------------------------------------------


def refused(error, match, windows, **changes):
    given = pair(windows, **changes)
    with pytest.raises(error, match=match):
        read_all(**given)


def test_shapes_that_do_not_fit(windows):
    refused(DataError, r"holds 2 windows of 40 bases, but .*hot.npz' 3 of 40", windows, scores=windows.scores[:2])
    refused(DataError, r"3 windows of 39 bases, but .* 3 of 40", windows, scores=windows.scores[..., :39])
    refused(
        DataError, r"has shape \(3, 5, 40\); it must be \(windows, 4, bases\)", windows, scores=np.zeros((3, 5, 40))
    )
    refused(
        DataError, r"has shape \(4, 40\).* Put a single window in an array of one", windows, scores=np.zeros((4, 40))
    )
    refused(DataError, r"has shape \(0, 4, 40\): it is empty", windows, scores=np.zeros((0, 4, 40)))


def test_windows_of_four_bases_are_ambiguous(windows):
    both = {"scores": windows.scores[..., :4], "one_hot": windows.one_hot[..., :4]}
    refused(DataError, r"shape \(3, 4, 4\), so it cannot be told which 4 are the bases", windows, **both)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_scores_that_are_no_numbers(windows, bad):
    scores = windows.scores.astype(np.float64)
    scores[1, 2, 11] = bad
    refused(
        DataError,
        r"scores.npz' holds NaN or a number too large in window 'window1', first at position 11",
        windows,
        scores=scores,
    )


@pytest.mark.parametrize("value", [2, 0.5, -1])
def test_a_wrong_one_hot(windows, value):
    hot = windows.one_hot.astype(np.float32)
    hot[2, :, 9] = [value, 0, 0, 0]
    refused(DataError, r"hot.npz' is not one-hot in window 'window2'. Column 9 .* changed places", windows, one_hot=hot)
    hot[2, :, 9] = [1, 1, 0, 0]
    refused(DataError, "is not one-hot in window 'window2'", windows, one_hot=hot)


def test_swapped_files_are_told(windows):
    refused(DataError, "may have changed places", windows, one_hot=windows.scores, scores=windows.one_hot)


def test_objects_and_text_are_refused_and_never_unpickled(windows):
    refused(DataError, "has type object; it must hold plain numbers", windows, scores=np.full((3, 4, 40), None))
    refused(DataError, "has type <U1", windows, scores=np.full((3, 4, 40), "a"))
    refused(DataError, "has type complex128", windows, scores=windows.scores.astype(complex))
    np.save("scores.npy", np.full((3, 4, 40), None))
    with pytest.raises(DataError, match=r"scores.npy' is damaged, cut short or no numpy file"):
        open_scores("scores.npy", sequences="hot.npz")


def test_by_column_in_a_zip_is_refused(windows):
    refused(DataError, "is stored column by column", windows, scores=np.asfortranarray(windows.scores))


def test_arrays_of_other_names(windows):
    np.savez("scores.npz", a=windows.scores, b=windows.scores)
    np.savez("hot.npz", windows.one_hot)
    with pytest.raises(
        DataError, match=r"holds the arrays a, b; save one alone, or both as 'one_hot' and 'attributions'"
    ):
        open_scores("scores.npz", sequences="hot.npz")
    import zipfile

    with zipfile.ZipFile("empty.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match=r"holds no numpy array; it has readme.txt"):
        open_scores("empty.npz", sequences="hot.npz")


def test_sequences_that_lack_or_come_twice(windows):
    pair(windows)
    with pytest.raises(ConfigError, match="hold no sequences; give them with --sequences"):
        open_scores("scores.npz")
    np.savez("both.npz", one_hot=windows.one_hot, attributions=windows.scores)
    with pytest.raises(ConfigError, match="hold their own sequences, in 'one_hot'; leave out --sequences"):
        open_scores("both.npz", sequences="hot.npz")
    with pytest.raises(ConfigError, match="hold windows of their own, so a window length has no use"):
        open_scores("both.npz", seq_len=20)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file(windows, save):
    save("scores.npz", windows.scores)
    np.savez("hot.npz", windows.one_hot)
    whole = Path("scores.npz").read_bytes()
    damaged = [whole[: len(whole) // 2], whole[:200] + bytes(b ^ 0xFF for b in whole[200:400]) + whole[400:]]
    for content in damaged:
        Path("scores.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"scores.npz"):
            read_all("scores.npz", sequences="hot.npz")
    np.save("scores.npy", windows.scores)
    Path("scores.npy").write_bytes(Path("scores.npy").read_bytes()[:-100])
    with pytest.raises(DataError, match="is damaged, cut short"):
        open_scores("scores.npy", sequences="hot.npz")


@pytest.mark.parametrize("content", [b"", b"gene\tscore\n", b"GIF89a" * 20])
def test_a_file_of_another_kind(content):
    Path("scores.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"none of the kinds that can be read: HDF5 of ChromBPNet or Decima, .npz"):
        open_scores("scores.npz", sequences="hot.npz")


def test_a_file_that_is_not_there(windows):
    pair(windows)
    with pytest.raises(DataError, match=r"scoers.npz' does not exist; did you mean scores.npz\?"):
        open_scores("scoers.npz")
    with pytest.raises(DataError, match=r"The file of sequences '.*hto.npz' does not exist"):
        open_scores("scores.npz", sequences="hto.npz")
    Path("sub").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        open_scores("sub")
    with pytest.raises(ConfigError, match="No scores were given; use --scores FILE"):
        open_scores("")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (">a\nACGT\n>b\nACG\n>c\nACGT\n", "has 4 bases of 'a' and 3 of 'b'; windows of scores are equally long"),
        (">a\nACGT\n>a\nACGT\n", "names two records 'a'"),
        (">a\nACGT\n>b\nACGT\n", "3 windows of 40 bases, but The FASTA file .* 2 of 4"),
        ("", "holds no record"),
    ],
)
def test_fasta_that_does_not_fit(windows, text, match):
    np.save("scores.npy", windows.scores)
    Path("windows.fa").write_text(text)
    with pytest.raises(DataError, match=match):
        open_scores("scores.npy", sequences="windows.fa")
