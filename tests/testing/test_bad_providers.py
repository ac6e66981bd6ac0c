"""The kit tells a provider that breaks a promise from one that keeps them all, and says which promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bad_providers as bad
import pytest
from bad_providers import model

from decima_core import Registry, UnknownNameError, option, options_class
from decima_core.testing import CheckFailedError, check_provider, checks_of

Create = Callable[[Any], Any]
SOURCE, MODEL, METHOD, PEAKS, MOTIF = "check_source_", "check_model_", "check_method_", "check_peaks_", "check_motif_"


def failing(kind: str, create: Create, **fields: Any) -> dict[str, str]:
    """The checks that fail, each with its message."""
    results = check_provider(kind, "subject", registry=bad.registry_of(kind, create, **fields))
    assert [r.check for r in results] == [check.__name__ for check in checks_of(kind)]
    return {r.check: r.message for r in results if r.outcome == "failed"}


@pytest.mark.parametrize(
    ("kind", "create"),
    [
        ("source", bad.Source),
        ("model", lambda options: model()),
        ("method", bad.Gradient),
        ("peaks", bad.Tallest),
        ("motifs", bad.Words),
    ],
)
def test_a_good_provider_passes(kind: str, create: Create) -> None:
    assert failing(kind, create) == {}


@pytest.mark.parametrize(
    ("create", "checks", "words"),
    [
        (bad.RepeatsAGene, "lists_genes splits", "each name must be unique"),
        (bad.ShufflesGenes, "lists_genes", "another order at the second call"),
        (bad.CropsFromTheLeft, "crops_centrally", "is not the centre of read('ALPHA')"),
        (bad.ForgetsToMoveTheTss, "crops_centrally", "tss (which may leave the window)"),
        (bad.CropsTheMinusStrandTheWrongWay, "crops_centrally", "is not the centre of read('BETA')"),
        (bad.PutsTheTssAtTheGenesEnd, "records", "first masked base is 10"),
        (bad.ReturnsShorterWindows, "refuses_lengths", "raise DataError where there are not as many"),
        (bad.EmptyUnknownSplit, "splits", "must not look empty"),
        (bad.BareKeyError, "unknown_gene", "raised KeyError"),
        (bad.CannotBePickled, "pickles", "AttributeError"),
        (bad.FlatLabels, "labels", "must be (tasks, 1) float32"),
        (bad.WrongFlankOffset, "flanks", "does not hold the bases of read()"),
    ],
)
def test_bad_sources(create: Create, checks: str, words: str) -> None:
    expect(failing("source", create), SOURCE, checks, words)


def test_a_source_that_uses_one_buffer_for_all_records() -> None:
    assert "arrays of their own" in failing("source", bad.ReusesABuffer)["check_source_records_last"]


@pytest.mark.parametrize(
    ("module", "known", "checks", "words"),
    [
        (None, {"tasks": ("a", "b")}, "output", "names 2 tasks and predicts 1"),
        (None, {"tasks": ("a", "a")}, "describes_itself output", "has a name twice"),
        (bad.Stochastic, {}, "deterministic batch_equals_singles", "turn randomness off in evaluation mode"),
        (bad.BatchNormalised, {}, "batch_equals_singles", "normalise by stored statistics"),
        (bad.Detached, {}, "reads_the_sequence", "take detach, no_grad and rounding out"),
        (bad.Blind, {}, "reads_the_sequence", "are its weights loaded?"),
        (bad.DividesByBases, {}, "takes_n", "do not divide by their number"),
        (bad.WritesToItsInput, {}, "left_as_found deterministic batch_equals_singles", "work on a copy"),
        (bad.Counts, {}, "left_as_found", "changes calls of"),
    ],
)
def test_bad_models(module: Callable[[int], Any] | None, known: dict[str, Any], checks: str, words: str) -> None:
    expect(failing("model", lambda options: model(module and module(5), **known)), MODEL, checks, words)


def test_a_model_with_two_outputs_fails_wherever_it_predicts() -> None:
    found = failing("model", lambda options: model(bad.TwoOutputs(5)))
    assert len(found) == 6
    assert all("returned tuple; it must return one tensor" in message for message in found.values())


@pytest.mark.parametrize(
    ("create", "claims", "checks", "words"),
    [
        (bad.WrongShape, {}, "shape zero_where_ignored reverse_complement", "return one value a base"),
        (bad.KeepsTheGraph, {}, "shape", "return values.detach()"),
        (bad.NormalisesTheBatch, {}, "batch_equals_singles", "compute each example by itself"),
        (bad.DrawsUnseeded, {}, "deterministic batch_equals_singles", "keep no state between calls"),
        (bad.NotWhatItClaims, {"exact_on_linear": True}, "exact_on_linear", "mend it, or drop the claim"),
        (
            bad.NotWhatItClaims,
            {"exact_on_linear": True, "complete": True},
            "complete exact_on_linear",
            "baseline of zeros",
        ),
        (bad.Gradient, {"complete": True}, "complete", "return Scores(convergence_delta=...)"),
        (bad.CreditsEverything, {}, "zero_where_ignored", "bases that the model does not read"),
        (bad.BlanksTheMask, {}, "holds_the_mask", "hold it fixed in every baseline"),
        (bad.DividesByTheColumn, {}, "takes_n", "NaN or infinity where a sequence holds N"),
        (bad.PrefersTheLeft, {}, "reverse_complement", "treat A like T, C like G, left like right"),
        (bad.LeavesAHook, {}, "leaves_as_found leaves_as_found_after_an_error", "the hooks of module 'target'"),
        (bad.LeavesAHookAfterAnError, {}, "leaves_as_found_after_an_error", "when evaluation 1 raises"),
        (bad.SwallowsErrors, {}, "leaves_as_found_after_an_error", "swallows the error"),
        (bad.TellsAnotherPrediction, {}, "prediction", "is not the target's value at the sequence"),
        (bad.ForgetsTheWeights, {}, "several_targets", "by targets.weights(columns)"),
        (bad.ExplainsTheFirstTargets, {}, "several_targets", "yields 3 scores for 4 targets"),
        (bad.MarksItsInput, {}, "leaves_as_found", "sequence.detach().clone()"),
    ],
)
def test_bad_methods(create: Create, claims: dict[str, bool], checks: str, words: str) -> None:
    found = failing("method", create, **claims)
    if create is bad.DrawsUnseeded:  # it may fail others by chance
        found = {name: message for name, message in found.items() if name.removeprefix(METHOD) in checks}
    expect(found, METHOD, checks, words, any_of=create is bad.DrawsUnseeded)


@pytest.mark.parametrize(
    ("create", "checks", "words"),
    [
        (bad.FindsNothing, "found edges survive_an_outlier", "which stand 45 times above the noise"),
        (bad.LosesTheSign, "heights signs", "height=attribution.track()[position]"),
        (bad.PeaksOnFlat, "flat", "return Peaks.empty(length) where nothing stands out"),
        (bad.AvoidsTheEdges, "edges", "treat what lies outside as low"),
        (bad.CountsInBins, "move_with_the_track", "do not let the place in the window matter"),
        (bad.ScaledByTheMaximum, "survive_an_outlier", "measure the background by ranks"),
        (bad.OverflowsWithATraceback, "overflow", "raise PeakError with a sentence"),
    ],
)
def test_bad_peak_callers(create: Create, checks: str, words: str) -> None:
    expect(failing("peaks", create), PEAKS, checks, words)


def test_a_peak_caller_that_answers_differently_each_time() -> None:
    assert "seed what is drawn at random" in failing("peaks", bad.RemembersTheLast)["check_peaks_deterministic"]


@pytest.mark.parametrize(
    ("create", "checks", "words"),
    [
        (bad.OneStrand, "found_where_planted found_at_the_edges strands_mirror", "on '-', where its best site"),
        (bad.MinusFromTheOtherEnd, "found_where_planted found_at_the_edges strands_mirror", "on both strands"),
        (bad.MatchesN, "tolerates_n", "N matches nothing"),
        (bad.NeedsPeaks, "without_peaks", "raised IndexError"),
        (bad.CountsPeaksFromOne, "peaks_are_meant", "counted from 0"),
        (bad.ShortWords, "p_values_calibrated", "its p-values are too small"),
        (bad.WrongMeans, "attr_scores", "the PPM is reverse-complemented on '-'"),
    ],
)
def test_bad_scanners(create: Create, checks: str, words: str) -> None:
    expect(failing("motifs", create), MOTIF, checks, words)


def test_a_scanner_that_counts_from_one() -> None:
    found = failing("motifs", bad.CountsFromOne)
    assert "start and end count from 0" in found["check_motif_found_where_planted"]


def test_motif_ids_tell_motifs_apart() -> None:
    assert "several motifs of the id W1" in failing("motifs", bad.TwiceTheId)["check_motifs_listed"]


# --- what every kind promises -------------------------------------------------------------------------------------------


@options_class
class Undocumented:
    number: int = option(default=1, help="")


@options_class
class NotJson:
    thing: Any = option(default=frozenset({1}), help="A set.")


@pytest.mark.parametrize(
    ("fields", "check", "words"),
    [
        ({"summary": "no sentence"}, "check_name_and_summary", "begin it with a capital letter"),
        ({"summary": f"{'Long ' * 40}."}, "check_name_and_summary", "keep it under 160"),
        ({"aliases": ("subject",)}, "check_name_and_summary", "repeat its name"),
        ({"options": Undocumented}, "check_options_documented", "give option(..., help='One sentence.')"),
        ({"options": NotJson}, "check_options_survive_config", "use text, numbers, lists and tables"),
    ],
)
def test_bad_announcements(fields: dict[str, Any], check: str, words: str) -> None:
    assert words in failing("peaks", bad.Tallest, **fields)[check]


def test_a_provider_that_cannot_be_made_fails_every_check_that_needs_it() -> None:
    def create(options: Any) -> Any:
        raise ValueError("no such library")

    found = failing("peaks", create)
    assert "could not be created: ValueError: no such library" in found["check_create"]
    assert len(found) > 5


# --- the kit's own ways -------------------------------------------------------------------------------------------------


def test_expected_failures() -> None:
    registry = bad.registry_of("peaks", bad.AvoidsTheEdges)
    reasons = {"check_peaks_edges": "edges are left out", "check_peaks_flat": "wrong"}
    results = {r.check: r for r in check_provider("peaks", "subject", registry=registry, expected_failures=reasons)}
    assert results["check_peaks_edges"].outcome == "expected failure"
    assert results["check_peaks_edges"].message == "edges are left out"
    assert results["check_peaks_flat"].outcome == "unexpected pass"
    assert not results["check_peaks_flat"].ok
    with pytest.raises(UnknownNameError, match=r"no check 'check_peaks_edge'.*check_peaks_edges"):
        check_provider("peaks", "subject", registry=registry, expected_failures={"check_peaks_edge": "?"})


def test_checks_are_plain_functions() -> None:
    from decima_core.testing.kit import find_subject
    from decima_core.testing.peak_checks import check_peaks_edges

    subject = find_subject("peaks", "subject", registry=bad.registry_of("peaks", bad.AvoidsTheEdges))
    with pytest.raises(CheckFailedError, match="at the very end of the window"):
        check_peaks_edges(subject)
    assert check_peaks_edges in checks_of("peak caller")


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"no peak caller 'scipi'.*scipy"):
        check_provider("peaks", "scipi")
    with pytest.raises(UnknownNameError, match="no kind of provider 'peeks'"):
        check_provider("peeks", "scipy", registry=Registry())


def expect(found: dict[str, str], prefix: str, checks: str, words: str, *, any_of: bool = False) -> None:
    """Exactly the checks named failed, or one of them at least, and a message of one says ``words``."""
    names = {prefix + check for check in checks.split()}
    assert (set(found) <= names and found) if any_of else set(found) == names, found
    assert any(words in message for message in found.values()), found
