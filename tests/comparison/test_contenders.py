"""What is compared: names and brackets, options that several share, and labels."""

from __future__ import annotations

from typing import Any

import pytest

from decima_core import ConfigError, OptionError, RunConfig, UnknownNameError
from decima_core.choice import StageChoice
from decima_core.comparison.contenders import parse_contender, plan_comparison, split_contenders


def plan(registry: Any, **table: Any) -> Any:
    base = {"source": "genes.h5", "model": "demo", "target": {"transform": "aggregate"}}
    return plan_comparison(RunConfig.from_mapping({**base, **table}), registry)


def labels(found: Any, stage: str = "method") -> list[str]:
    return [contender.label for contender in found.contenders[stage]]


def options(found: Any, name: str, stage: str = "method") -> list[Any]:
    return [getattr(contender.planned.options, name, None) for contender in found.contenders[stage]]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["a,b"], ["a", "b"]),
        (["a", " b , c"], ["a", "b", "c"]),
        (["a[x=1,y=2],b"], ["a[x=1,y=2]", "b"]),
        (["a[x=1", "y=2]", "b"], ["a[x=1,y=2]", "b"]),  # as an option's text is split
        (["a[path=m[1].meme],b"], ["a[path=m[1].meme]", "b"]),
        ([], []),
    ],
)
def test_commas_in_brackets_divide_nothing(texts: list[str], names: list[str]) -> None:
    assert split_contenders(texts) == names


@pytest.mark.parametrize("text", ["a[x=1", "a]x=1[", "a[[x=1],b"])
def test_brackets_that_do_not_match(text: str) -> None:
    with pytest.raises(OptionError, match="The brackets of"):
        split_contenders([text])


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("deep-lift", StageChoice("deep-lift")),
        ("Deep_Lift", StageChoice("deep-lift")),
        ("a[x=1, y = two ]", StageChoice("a", {"x": "1", "y": "two"})),
        ("a[names=GATA1,GATA2,p=1e-3]", StageChoice("a", {"names": "GATA1,GATA2", "p": "1e-3"})),
        ("a[arguments.layers=8]", StageChoice("a", {"arguments": {"layers": 8}})),
        ("a[]", StageChoice("a")),
    ],
)
def test_a_contender_is_a_name_and_options(text: str, choice: StageChoice) -> None:
    assert parse_contender("method", text) == choice


@pytest.mark.parametrize("text", ["a[x=1]y", "[x=1]", "a[x]", "a[=1]"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"is not of the form NAME\[option=value,...\]"):
        parse_contender("method", text)


def test_labels_name_what_differs(registry: Any) -> None:
    found = plan(
        registry,
        compare={
            "method": ["gradient", "grad[factor=2,fails_on=0]", "saliency[absolute=true]"],
            "peaks": ["top", "scipy"],
        },
    )
    assert labels(found) == ["gradient[factor=1.0]", "gradient[factor=2.0]", "saliency"]
    assert labels(found, "peaks") == ["top", "scipy"]
    assert labels(found, "motifs") == ["jaspar"]
    assert found.plan.stages["method"].options.factor == 1
    assert found.plan.stages["peaks"].provider.spec.name == "top"


def test_options_of_a_stage_go_to_all_that_have_them_and_brackets_win(registry: Any) -> None:
    found = plan(
        registry,
        method={"n-steps": 20},
        compare={"method": ["integrated-gradients", "input-x-gradient", "integrated-gradients[n_steps=7]"]},
    )
    assert options(found, "n_steps") == [20, None, 7]
    assert labels(found) == ["integrated-gradients[n_steps=20]", "input-x-gradient", "integrated-gradients[n_steps=7]"]


def test_an_option_that_no_contender_has_is_refused(registry: Any) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no option 'n_stepss' in any attribution method that is compared\. Did you"
    ):
        plan(registry, method={"n_stepss": 20}, compare={"method": ["integrated-gradients", "deep-lift"]})
    # What the file meant for a provider that is not compared is left out, as by `run --method`.
    file = {"provider": "integrated-gradients", "n_steps": 20}
    assert labels(plan(registry, method=file, compare={"method": ["saliency", "deep-lift"]})) == [
        "saliency",
        "deep-lift",
    ]


def test_without_names_a_stage_has_the_files_own_provider(registry: Any) -> None:
    found = plan(registry, method={"provider": "gradient", "factor": 3}, compare={"peaks": ["scipy", "top"]})
    assert labels(found) == ["gradient"]
    assert options(found, "factor") == [3]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "There is only one contender, 'input-x-gradient + scipy + jaspar'; name several"),
        ({"compare": {"method": ["saliency"]}}, "There is only one contender, 'saliency"),
        ({"compare": {"method": ["saliency", "saliensy"]}}, "no attribution method 'saliensy'. Did you mean saliency?"),
        ({"compare": {"peaks": ["scipy", "scipi"]}}, "no peak caller 'scipi'. Did you mean scipy?"),
        ({"compare": {"motifs": ["jaspar", "jasper"]}}, "no motif scanner 'jasper'. Did you mean jaspar?"),
        ({"compare": {"method": ["grad", "gradient[factor=1]"]}}, "'gradient' is to be compared with itself"),
        (
            {"compare": {"method": ["gradient", "gradient[factr=2]"]}},
            "no option 'factr' in attribution method 'gradient'",
        ),
        (
            {"compare": {"method": ["gradient", "gradient[factor=x]"]}},
            "Option 'factor' of attribution method 'gradient'",
        ),
        ({"compare": {"methods": ["saliency"]}}, "no option 'methods' in [compare] in the configuration. Did you mean"),
        ({"compare": {"top": 0}}, "Option 'top' of [compare] in the configuration must be at least 1"),
        ({"compare": "saliency"}, "must be a table, such as [compare] with method ="),
    ],
    ids=str,
)
def test_mistakes_are_told_in_a_sentence(registry: Any, table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as told:
        plan(registry, **table)
    assert message in str(told.value)
