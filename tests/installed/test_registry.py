"""Plugins of others, good and broken: found, isolated, attributed to their owners, and refused where they clash."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_distributions
import pytest
from fake_distributions import ONE_OF_EACH, peak_plugin

from decima_core import (
    AttributionMethod,
    DataSource,
    MotifScanner,
    OptionError,
    PeakCaller,
    PluginError,
    Registry,
    SequenceModel,
    UnknownNameError,
)
from decima_core.cli import main
from decima_core.registry import DISABLE_VARIABLE, Failure, Owner, _distribution

Install = Callable[..., None]
BUNDLED = tuple(
    sorted(e.name for e in importlib.metadata.distribution("decima-core").entry_points if e.group == "decima_core")
)


def names(registry: Registry) -> set[tuple[str, str]]:
    return {(p.kind.stage, p.spec.name) for p in registry.providers()}


@pytest.fixture
def bundled(site: Path) -> set[tuple[str, str]]:
    """What is there before a test installs anything."""
    found = Registry.discover()
    assert not found.failures
    return names(found)


# --- good plugins -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "name", "protocol"),
    [
        ("source", "good-source", DataSource),
        ("model", "good-model", SequenceModel),
        ("method", "good-method", AttributionMethod),
        ("peaks", "good-peaks", PeakCaller),
        ("motifs", "good-motifs", MotifScanner),
    ],
)
def test_a_good_plugin_offers_one_of_each(install: Install, stage: str, name: str, protocol: type) -> None:
    install("good-dist", ONE_OF_EACH, version="2.3")
    registry = Registry.discover()
    assert registry.failures == ()
    assert Owner("good_plugin", "good-dist", "2.3") in registry.owners
    found = registry.get(stage, name)
    assert "good_plugin.providers" not in sys.modules, "a plugin's working modules wait until they are used"
    options = found.build_options({"path": "x"})
    provider = found.create(options)
    assert provider.options.path == "x"
    assert all(hasattr(type(provider), member) for member in vars(protocol) if not member.startswith("_"))
    assert found.provenance(options) == {
        "provider": name,
        "plugin": "good_plugin",
        "distribution": "good-dist",
        "version": "2.3",
        "options": {"path": "x"},
    }


def test_bundled_plugins_are_owned_by_the_distribution(site: Path) -> None:
    import decima_core

    owners = Registry.discover().owners
    assert [o.plugin for o in owners] == list(BUNDLED)
    assert {(o.distribution, o.version) for o in owners} == {("decima-core", decima_core.__version__)}


def test_aliases_case_and_underscores_are_forgiven(install: Install) -> None:
    install("good-dist", ONE_OF_EACH)
    registry = Registry.discover()
    for spelling in ("good-peaks", "goodpeaks", "Good_Peaks", " GOODPEAKS "):
        assert registry.get("peaks", spelling).spec.name == "good-peaks"
    for kind in ("peaks", "peak caller", "peak-caller", "Peak_Callers"):
        assert registry.get(kind, "good-peaks").spec.name == "good-peaks"


def test_create_takes_options_of_any_name(install: Install) -> None:
    source = peak_plugin("odd").replace("number: int", "name: int")
    install("odd-dist", {"odd_plugin.py": source})
    assert Registry.discover().create("peaks", "odd", name=3).options.name == 3


def test_provider_made_by_forwarding_is_accepted(install: Install) -> None:
    forwarder = (
        "class Forwarder:\n"
        "    def __init__(self, options):\n"
        "        self.inner = Caller(options)\n"
        "    def __getattr__(self, name):\n"
        "        return getattr(self.inner, name)\n"
    )
    source = peak_plugin("forward").replace("create=Caller", "create=Forwarder")
    install("forward-dist", {"forward_plugin.py": source.replace("@hookimpl", f"{forwarder}\n@hookimpl")})
    assert callable(Registry.discover().create("peaks", "forward").call)


# --- broken plugins ---------------------------------------------------------------------------------------------------

MODELS = "from decima_core import ModelSpec, PeakCallerSpec, hookimpl, option, options_class\n"

BROKEN = {
    "import error": ("raise ImportError('libfoo.so is too old')", "ImportError: libfoo.so is too old", "--upgrade"),
    "missing dependency": ("import absent.core", "No module named 'absent'", "package that holds the module 'absent'"),
    "missing submodule of its own": ("import broken_plugin.gone", "No module named", "--force-reinstall broken-dist"),
    "syntax error": ("def broken(:", "SyntaxError: invalid syntax (__init__.py, line 1)", "--upgrade broken-dist"),
    "exit on import": ("import sys; sys.exit(3)", "SystemExit: 3", "pip install --upgrade broken-dist"),
    "misspelt hook": (
        MODELS + "@hookimpl\ndef decima_modles():\n    yield",
        "There is no hook 'decima_modles'. Did you mean decima_models?",
        "report it to the authors of broken-dist",
    ),
    "hook with arguments": (
        MODELS + "@hookimpl\ndef decima_models(registry):\n    yield",
        "a hook function of it takes arguments; hooks take none",
        "report it",
    ),
    "hook without its mark": (
        "def decima_models():\n    yield",
        "decima_models is not marked with @hookimpl",
        "report it",
    ),
    "no hook at all": ("x = 1", "it has no function marked with @hookimpl", "report it"),
    "hook that raises": (
        MODELS + "@hookimpl\ndef decima_models():\n    raise RuntimeError('one\\ntwo')",
        "decima_models raised RuntimeError: one",
        "report it",
    ),
    "hook that exits": (
        MODELS + "@hookimpl\ndef decima_models():\n    raise SystemExit(1)",
        "decima_models raised SystemExit: 1",
        "report it",
    ),
    "hook that returns nothing": (
        MODELS + "@hookimpl\ndef decima_models():\n    pass",
        "decima_models returned NoneType; it must yield ModelSpec",
        "report it",
    ),
    "wrong type": (
        MODELS + "@hookimpl\ndef decima_models():\n    yield 'demo'",
        "decima_models yielded str, not ModelSpec",
        "report it",
    ),
    "spec of another kind": (
        peak_plugin("odd").replace("decima_peak_callers", "decima_models"),
        "decima_models yielded PeakCallerSpec, not ModelSpec",
        "report it",
    ),
    "bad name": (peak_plugin("Bad_Name"), "The name 'Bad_Name' of a peak caller is not in lower kebab case", "report"),
    "alias without its comma": (
        peak_plugin("odd", spec="aliases=('other')"),
        "The aliases of peak caller 'odd' must be a tuple of texts such as ('one',), not 'other'",
        "report it",
    ),
    "requirement without its comma": (
        peak_plugin("odd", spec="requires=('torch')"),
        "The requires of peak caller 'odd' must be a tuple",
        "report it",
    ),
    "empty summary": (
        peak_plugin("odd").replace("None at all.", " "),
        "The peak caller 'odd' needs a summary",
        "report it",
    ),
    "options that are no options class": (
        peak_plugin("odd").replace("options=Options", "options=dict"),
        "The options of peak caller 'odd' must be a class made with @options_class",
        "report it",
    ),
    "default out of bounds": (
        peak_plugin("odd").replace("default=1", "default=-1"),
        "Option 'number' of Options must be at least 0, not -1",
        "report it",
    ),
    "create that cannot be called": (
        peak_plugin("odd").replace("create=Caller", "create=7"),
        "The create of peak caller 'odd' must be a function of its options",
        "report it",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_data_and_harms_no_other(install: Install, bundled: set[Any], case: str) -> None:
    source, reason, remedy = BROKEN[case]
    install("broken-dist", {"broken_plugin/__init__.py": source}, version="0.7")
    install("good-dist", ONE_OF_EACH)
    registry = Registry.discover()
    assert len(registry.failures) == 1
    failure = registry.failures[0]
    assert failure.owner == Owner("broken_plugin", "broken-dist", "0.7")
    assert reason in failure.reason
    assert remedy in failure.remedy
    assert "\n" not in failure.reason
    good = {(k, f"good-{k}") for k in ("source", "model", "method", "peaks", "motifs")}
    assert names(registry) == bundled | good
    assert registry.create("peaks", "scipy", distance=3).options.distance == 3
    with pytest.raises(UnknownNameError) as caught:
        registry.get("model", "dmo")
    message = str(caught.value)
    assert message.startswith("There is no model 'dmo'. Did you mean demo? The plugin broken_plugin (broken-dist 0.7)")
    assert reason in message
    assert "?." not in message
    assert ".." not in message


def test_entry_point_to_a_module_that_is_gone(install: Install) -> None:
    install("gone-dist", {}, entry_points={"gone_plugin": "gone_plugin"})
    (failure,) = Registry.discover().failures
    assert failure.reason == "ModuleNotFoundError: No module named 'gone_plugin'"
    assert failure.remedy == "reinstall it: pip install --force-reinstall gone-dist"


def test_entry_point_to_an_attribute_that_is_gone(install: Install) -> None:
    install("gone-dist", {"gone_plugin.py": ""}, entry_points={"gone_plugin": "gone_plugin:plugin"})
    (failure,) = Registry.discover().failures
    assert "has no attribute 'plugin'" in failure.reason


def test_remains_of_an_uninstalled_distribution(install: Install, bundled: set[Any]) -> None:
    install("ghost-dist", {"ghost.py": peak_plugin("ghost")}, metadata=False)
    registry = Registry.discover()
    assert registry.get("peaks", "ghost").owner == Owner("ghost", "(unknown distribution)", "")
    assert names(registry) == bundled | {("peaks", "ghost")}


def test_metadata_that_raise_are_no_metadata() -> None:
    """As the package importlib_metadata has it, which takes the standard library's place where something imports it."""

    class Remains:
        @property
        def metadata(self) -> None:
            raise FileNotFoundError("No package metadata was found.")

    assert _distribution(SimpleNamespace(dist=Remains())) == ("(unknown distribution)", "")  # type: ignore[arg-type]


def test_a_spec_of_the_wrong_type_does_not_cost_the_right_ones(install: Install) -> None:
    install("mixed-dist", {"mixed.py": peak_plugin("mixed") + "    yield 42\n"})
    registry = Registry.discover()
    assert registry.get("peaks", "mixed").owner.plugin == "mixed"
    assert [f.reason for f in registry.failures] == ["decima_peak_callers yielded int, not PeakCallerSpec"]


@pytest.mark.parametrize(
    ("suffixes", "message"),
    [
        ("('.GOOD',)", "The suffix '.GOOD' of data source 'good-source' is not a lower-case file ending such as '.h5'"),
        ("('good',)", "The suffix 'good' of data source 'good-source' is not"),
        ("('.good')", "The suffixes of data source 'good-source' must be a tuple"),
    ],
)
def test_suffixes_are_checked(install: Install, suffixes: str, message: str) -> None:
    name = "good_plugin/__init__.py"
    install("good-dist", {**ONE_OF_EACH, name: ONE_OF_EACH[name].replace('(".good",)', suffixes)})
    registry = Registry.discover()
    assert message in registry.failures[0].reason
    assert registry.get("model", "good-model")


# --- clashes ----------------------------------------------------------------------------------------------------------


def test_two_plugins_with_one_provider_name(install: Install, bundled: set[Any]) -> None:
    install("one-dist", {"one.py": peak_plugin("same"), "solo.py": peak_plugin("solo")})
    install("two-dist", {"two.py": peak_plugin("same")}, version="2.0")
    registry = Registry.discover()
    assert names(registry) == bundled | {("peaks", "solo")}
    reason = "the peak caller 'same' is offered by one (one-dist 1.0) and two (two-dist 2.0)"
    assert [f.owner.plugin for f in registry.failures] == ["one", "two"]
    assert all(f.reason.startswith(reason) for f in registry.failures)
    with pytest.raises(PluginError) as caught:
        registry.get("peaks", "Same")
    assert str(caught.value) == (
        "The peak caller 'same' is offered by one (one-dist 1.0) and two (two-dist 2.0); none of them is used under that "
        "name; uninstall one, or set DECIMA_DISABLE_PLUGINS=one or DECIMA_DISABLE_PLUGINS=two."
    )


def test_a_bundled_provider_keeps_its_name_until_it_is_switched_off(
    install: Install, bundled: set[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("rival-dist", {"rival.py": peak_plugin("scipy")})
    registry = Registry.discover()
    assert names(registry) == bundled
    assert registry.get("peaks", "scipy").owner.plugin == "decima_scipy_peaks"
    (failure,) = registry.failures
    assert failure.owner.plugin == "rival"
    assert failure.reason == "the peak caller 'scipy' is bundled with decima-core, which keeps the name"
    assert failure.remedy == "ask the authors of rival-dist to choose another name"
    monkeypatch.setenv(DISABLE_VARIABLE, " decima_scipy_peaks ,")
    assert Registry.discover().get("peaks", "scipy").owner.plugin == "rival"


def test_an_alias_that_a_bundled_provider_has_stays_there(install: Install, bundled: set[Any]) -> None:
    method = (
        "from decima_core import AttributionMethodSpec, hookimpl, options_class\n@options_class\nclass Options: pass\n"
    )
    method += (
        "@hookimpl\ndef decima_attribution_methods():\n    yield AttributionMethodSpec(name='mine', summary='Mine.', "
    )
    method += "options=Options, create=print, aliases=('deeplift',))\n"
    install("alias-dist", {"alias_plugin.py": method})
    registry = Registry.discover()
    assert names(registry) == bundled | {("method", "mine")}
    assert registry.get("method", "DeepLift").spec.name == "deep-lift"
    assert [f.owner.plugin for f in registry.failures] == ["alias_plugin"]


def test_a_clash_of_aliases_costs_only_the_alias(install: Install, bundled: set[Any]) -> None:
    install("near-dist", {"near.py": peak_plugin("near", spec="aliases=('shared',)")})
    install("far-dist", {"far.py": peak_plugin("far", spec="aliases=('shared',)")})
    registry = Registry.discover()
    assert names(registry) == bundled | {("peaks", "near"), ("peaks", "far")}
    with pytest.raises(PluginError, match=r"'shared' is offered by far .* and near"):
        registry.get("peaks", "shared")
    assert len(registry.failures) == 2


def test_a_name_that_is_an_alias_elsewhere_costs_only_that_name(install: Install) -> None:
    install("old-dist", {"old.py": peak_plugin("old", spec="aliases=('taken',)")})
    install("new-dist", {"new.py": peak_plugin("taken", spec="aliases=('spare',)")})
    registry = Registry.discover()
    assert registry.get("peaks", "old").owner.plugin == "old"
    for name in ("taken", "spare"):
        with pytest.raises(PluginError, match=r"'taken' is offered by new .* and old"):
            registry.get("peaks", name)


def test_one_plugin_that_offers_a_name_twice(install: Install, bundled: set[Any]) -> None:
    body = peak_plugin("twice")
    spec = next(line.strip() for line in body.splitlines() if "yield" in line)
    install("twice-dist", {"twice.py": f"{body}\n    {spec}\n"})
    registry = Registry.discover()
    assert names(registry) == bundled
    (failure,) = registry.failures
    assert failure.reason == "the peak caller 'twice' is offered twice by twice (twice-dist 1.0)"
    with pytest.raises(PluginError, match="report it to the authors of twice-dist"):
        registry.get("peaks", "twice")


def test_rival_entry_points_are_refused_with_both_distributions(install: Install, bundled: set[Any]) -> None:
    for which in ("first", "second"):
        install(f"{which}-dist", {f"{which}_plugin.py": peak_plugin(which)}, entry_points={"shared": f"{which}_plugin"})
    registry = Registry.discover()
    assert [f.owner.distribution for f in registry.failures] == ["first-dist", "second-dist"]
    for failure in registry.failures:
        assert failure.reason.startswith("the plugin name 'shared' is claimed by first-dist 1.0 and second-dist 1.0")
    assert names(registry) == bundled
    assert not {"first_plugin", "second_plugin"} & set(sys.modules), "neither is imported"
    with pytest.raises(UnknownNameError, match=r"the plugin name 'shared' is claimed by first-dist 1\.0"):
        registry.get("peaks", "first")


def test_a_bundled_plugin_keeps_its_entry_point(install: Install, bundled: set[Any]) -> None:
    install("thief-dist", {"thief.py": peak_plugin("thief")}, entry_points={"decima_scipy_peaks": "thief"})
    registry = Registry.discover()
    assert names(registry) == bundled
    (failure,) = registry.failures
    assert failure.owner.distribution == "thief-dist"
    assert failure.reason == "the plugin name 'decima_scipy_peaks' is that of a bundled plugin"
    assert "thief" not in sys.modules


# --- which core a plugin needs, and its manners -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requires", "loaded"),
    [
        ("decima-core", True),
        ("decima_core>=0.0.1", True),
        ("Decima.Core>=99", False),
        ("decima-core<0.0.1", False),
        ("decima-core>=99; extra == 'all'", True),
        ("numpy>=9999", True),
    ],
)
def test_the_core_that_a_plugin_needs(install: Install, requires: str, loaded: bool) -> None:
    source = peak_plugin("fussy") if loaded else "raise RuntimeError('imported all the same')"
    install("fussy-dist", {"fussy.py": source}, requires=requires)
    registry = Registry.discover()
    if loaded:
        assert registry.failures == ()
        assert registry.get("peaks", "fussy")
        return
    (failure,) = registry.failures
    assert failure.reason.startswith(f"it needs decima-core {requires[len('decima-core') :]}, and this is 0.")
    assert failure.remedy.startswith("pip install 'decima-core")


def forget(*modules: str) -> None:
    """The next discovery imports them anew, as a new process does."""
    for module in modules:
        del sys.modules[module]


def test_a_plugin_that_prints_loads_heavy_libraries_and_dawdles(
    install: Install, bundled: set[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("decima_core.loading.SLOW", 0.05)
    monkeypatch.delitem(sys.modules, "heavy_library", raising=False)
    monkeypatch.setattr("decima_core.loading.HEAVY", ("heavy_library",))
    install("loud-dist", {"loud.py": f"print('Welcome!')\nprint('Enjoy.')\n{peak_plugin('loud')}"})
    install("slow-dist", {"slow.py": f"import time\ntime.sleep(0.06)\n{peak_plugin('slow')}"})
    install(
        "heavy-dist", {"heavy.py": f"import heavy_library\n{peak_plugin('heavy')}", "heavy_library.py": ""},
        entry_points={"heavy": "heavy"},
    )  # fmt: skip
    registry = Registry.discover()
    assert registry.failures == ()
    assert names(registry) == bundled | {("peaks", "loud"), ("peaks", "slow"), ("peaks", "heavy")}
    told = {r.owner.plugin: (r.reason, r.remedy) for r in registry.remarks}
    assert told["loud"] == ("it prints when it is imported: 'Welcome!'", "report it to the authors of loud-dist")
    assert told["slow"][0].startswith("it takes 0.")
    assert told["heavy"][0] == "it loads heavy_library when it is announced, so every command waits for it"
    assert capsys.readouterr().out == ""
    forget("loud", "slow", "heavy", "heavy_library")
    main(["plugins", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert {r["plugin"] for r in shown["remarks"]} == {"loud", "slow", "heavy"}
    forget("loud", "slow", "heavy", "heavy_library")
    main(["plugins"])
    assert "it prints when it is imported: 'Welcome!'" in capsys.readouterr().out


def test_one_module_under_two_entry_points(install: Install) -> None:
    install(
        "double-dist", {"double.py": peak_plugin("double")}, entry_points={"a_double": "double", "b_double": "double"}
    )
    registry = Registry.discover()
    assert registry.get("peaks", "double").owner.plugin == "a_double"
    (failure,) = registry.failures
    assert failure.owner.plugin == "b_double"


def _outcome() -> tuple[Any, ...]:
    registry = Registry.discover()
    found = [(p.kind.stage, p.spec.name, p.owner) for p in registry.providers()]
    messages = []
    for name in ("x", "y", "z", "w"):
        try:
            messages.append(str(registry.get("peaks", name).owner))
        except (PluginError, UnknownNameError) as error:
            messages.append(str(error))
    return found, registry.failures, registry.owners, messages


def test_the_order_of_installation_never_matters(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = {
        "a": peak_plugin("x"),
        "b": peak_plugin("y", spec="aliases=('x',)"),
        "c": peak_plugin("y"),
        "d": peak_plugin("w"),
    }
    for letter, source in plugins.items():
        folder = tmp_path / letter
        entry_points = {
            f"plugin_{letter}": f"plugin_{letter}",
            **({"rival": f"plugin_{letter}"} if letter in "ab" else {}),
        }
        fake_distributions.install(folder, f"dist-{letter}", {f"plugin_{letter}.py": source}, entry_points=entry_points)
    outcomes = []
    for order in itertools.permutations(plugins):
        with monkeypatch.context() as context:
            for letter in order:
                context.syspath_prepend(tmp_path / letter)
            outcomes.append(_outcome())
    found, failures, _, messages = outcomes[0]
    # b and c claim y, a and b claim x: only w is nobody else's
    assert {name for stage, name, _ in found if stage == "peaks"} & {"w", "x", "y"} == {"w"}
    assert {f.owner.plugin for f in failures} == {"plugin_a", "plugin_b", "plugin_c", "rival"}
    assert messages[3] == "plugin_d (dist-d 1.0)"
    assert all(outcome == outcomes[0] for outcome in outcomes)


# --- lookups ----------------------------------------------------------------------------------------------------------


def test_unknown_names_have_near_matches(site: Path) -> None:
    registry = Registry.discover()
    with pytest.raises(UnknownNameError, match=r"no attribution method 'salency'\. Did you mean saliency\?$"):
        registry.get("method", "salency")
    with pytest.raises(UnknownNameError, match=r"no peak caller 'zzz'\. Known: .*\bscipy\.$"):
        registry.get("peaks", "zzz")
    with pytest.raises(UnknownNameError, match=r"no kind of provider 'modle'\. Did you mean model\?$"):
        registry.get("modle", "demo")
    with pytest.raises(UnknownNameError, match=r"no option 'heigth' in peak caller 'scipy'\. Did you mean height\?"):
        registry.create("peaks", "scipy", heigth=1)
    with pytest.raises(OptionError, match=r"^Option 'distance' of peak caller 'scipy' must be at least 1, not 0\.$"):
        registry.create("peaks", "scipy", distance=0)


def test_two_sources_that_claim_a_suffix(install: Install) -> None:
    install("good-dist", ONE_OF_EACH)
    copy = {
        name.replace("good", "fine"): text.replace("good", "fine").replace('".fine"', '".good"')
        for name, text in ONE_OF_EACH.items()
    }
    install("fine-dist", copy)
    registry = Registry.discover()
    assert not registry.failures
    with pytest.raises(PluginError) as caught:
        registry.for_file("source", "Genes.GOOD")
    assert str(caught.value) == (
        "'Genes.GOOD' could be read by 'fine-source' of fine_plugin (fine-dist 1.0) and 'good-source' of good_plugin "
        "(good-dist 1.0); choose one with --source NAME -O source.path=Genes.GOOD."
    )


def test_a_file_finds_its_source(install: Install) -> None:
    install("good-dist", ONE_OF_EACH)
    registry = Registry.discover()
    assert registry.for_file("source", "folder/GENES.Good").spec.name == "good-source"
    assert registry.for_file("source", "genes.h5").spec.name == "hdf5"
    with pytest.raises(
        UnknownNameError, match=r"no data source that reads 'genes\.zip'\. Known endings: \.fa, .*\.good, \.h5, .*"
    ):
        registry.for_file("source", "genes.zip")


# --- requirements and creation ----------------------------------------------------------------------------------------


def test_missing_requirement_is_available_with_its_extra(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    from decima_core.cli import main

    spec = "requires=('absent_library.core', 'json'), install='needy-dist[absent]'"
    install("needy-dist", {"needy.py": peak_plugin("needy", spec=spec)})
    registry = Registry.discover()
    assert not registry.failures
    found = registry.get("peaks", "needy")
    assert found.missing == ("absent_library.core",)
    with pytest.raises(PluginError) as caught:
        found.create()
    assert str(caught.value) == (
        "The peak caller 'needy' of needy (needy-dist 1.0) needs absent_library.core, which is not installed; "
        "pip install 'needy-dist[absent]'."
    )
    main(["plugins"])
    assert "available with: pip install 'needy-dist[absent]'" in capsys.readouterr().out
    main(["show", "peaks", "needy"])
    assert "needs absent_library.core, which is not installed; pip install" in capsys.readouterr().out


def test_missing_requirement_without_an_extra(install: Install) -> None:
    install("needy-dist", {"needy.py": peak_plugin("needy", spec="requires=('absent_library',)")})
    with pytest.raises(PluginError, match=r"which is not installed; install absent_library\.$"):
        Registry.discover().create("peaks", "needy")


@pytest.mark.parametrize(
    ("create", "message"),
    [
        ("lambda o: 1 / 0", "could not be created: ZeroDivisionError: division by zero."),
        ("lambda o: exit(2)", "could not be created: SystemExit: 2."),
        ("lambda o: __import__('absent_library')", "could not be created: ModuleNotFoundError: No module named"),
        ("lambda o: None", "made an object without call, which every peak caller has."),
        ("lambda o: object()", "made an object without call, which every peak caller has."),
    ],
)
def test_create_that_fails_names_its_owner(install: Install, create: str, message: str) -> None:
    install("weak-dist", {"weak.py": peak_plugin("weak").replace("create=Caller", f"create={create}")})
    registry = Registry.discover()
    with pytest.raises(PluginError) as caught:
        registry.create("peaks", "weak")
    assert str(caught.value).startswith("The peak caller 'weak' of weak (weak-dist 1.0) ")
    assert message in str(caught.value)
    assert registry.create("peaks", "scipy")


def test_deliberate_errors_of_create_pass_through(install: Install) -> None:
    source = "from decima_core import DataError\n" + peak_plugin("strict").replace(
        "self.options = options", "raise DataError('The file is gone.')"
    )
    install("strict-dist", {"strict.py": source})
    from decima_core import DataError

    with pytest.raises(DataError, match=r"^The file is gone\.$"):
        Registry.discover().create("peaks", "strict")


def test_a_source_that_is_no_context_manager_is_refused(install: Install) -> None:
    files = dict(ONE_OF_EACH)
    files["good_plugin/providers.py"] = files["good_plugin/providers.py"].replace("def __exit__", "def leave")
    install("good-dist", files)
    with pytest.raises(PluginError, match="made an object without __exit__, which every data source has"):
        Registry.discover().create("source", "good-source")


# --- switching off ----------------------------------------------------------------------------------------------------


def test_plugins_are_switched_off_by_name(site: Path, bundled: set[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "decima_scipy_peaks, decima_jaspar")
    registry = Registry.discover()
    assert bundled - names(registry) == {("peaks", "scipy"), ("motifs", "jaspar")}
    assert registry.disabled == ("decima_scipy_peaks", "decima_jaspar")
    assert not registry.failures
    with pytest.raises(
        UnknownNameError, match="Switched off by DECIMA_DISABLE_PLUGINS: decima_scipy_peaks, decima_jaspar"
    ):
        registry.get("peaks", "scipy")
    assert names(Registry.discover(disabled=())) == bundled, "what is passed goes before the variable"


def test_switching_off_an_unknown_plugin_is_reported(site: Path, bundled: set[Any]) -> None:
    registry = Registry.discover(disabled=["decima_scipy"])
    assert names(registry) == bundled
    (failure,) = registry.failures
    assert failure.reason.startswith("There is no plugin 'decima_scipy'. Did you mean decima_scipy_peaks")


# --- registration from Python -----------------------------------------------------------------------------------------


def test_registering_one_name_twice_keeps_the_first() -> None:
    namespace: dict[str, Any] = {"__name__": "anything"}
    exec(peak_plugin("own"), namespace)
    plugin = type("Plugin", (), {"decima_peak_callers": staticmethod(namespace["decima_peak_callers"])})
    registry = Registry()
    registry.register(plugin, "mine")
    registry.register(object(), "mine")
    assert registry.get("peaks", "own").owner == Owner("mine", "(not installed)", "")
    assert registry.failures == (
        Failure(
            Owner("mine", "(not installed)", ""),
            "a plugin of the name 'mine' is already loaded",
            "report it to the authors of (not installed)",
        ),
    )
