"""What the user asked for: TOML and flags, checked to the last option before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import attrs
import pytest

from decima_core import ConfigError, OptionError, Registry, RunConfig, UnknownNameError
from decima_core.choice import StageChoice, choose, split_options
from decima_core.sections import TargetOptions

GOOD = """
    genes = ["SPI1", "CD68"]
        seq-len = 1000
    seed = 7
    device = "cpu"
    output = "out"
    overwrite = true

    [source]
    path = "genes.h5"
    loci = "genes.bed"

    [model]
    path = "my_model:build"
    weights = "w.safetensors"
    arguments = { width = 8 }

    [method]
    provider = "Integrated_Gradients"
    n_steps = 20

    [peaks]
    number = 5

    [target]
    transform = "aggregate"
    tasks = ["T cell, CD4+", 3]
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover(disabled=())


def write(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def config(**stages: Any) -> RunConfig:
    return RunConfig.from_mapping({"source": "genes.h5", "model": "demo", "target": {"tasks": ["myeloid"]}, **stages})


# --- TOML -------------------------------------------------------------------------------------------------------------


def test_a_toml_file_is_a_run(tmp_path: Path, registry: Registry) -> None:
    run = RunConfig.from_toml(write(tmp_path, GOOD))
    assert run.genes == ("SPI1", "CD68")
    assert (run.split, run.seq_len, run.seed, run.device, run.output, run.overwrite) == (
        None,
        1000,
        7,
        "cpu",
        "out",
        True,
    )
    assert run.target == TargetOptions(transform="aggregate", tasks=("T cell, CD4+", "3"))
    plan = run.plan(registry)
    assert {stage: p.provider.spec.name for stage, p in plan.stages.items()} == {
        "source": "hdf5",
        "model": "torch",
        "method": "integrated-gradients",
        "peaks": "scipy",
        "motifs": "jaspar",
    }
    assert plan.stages["source"].options.loci == "genes.bed"
    assert plan.stages["model"].options.arguments == {"width": 8}
    assert plan.stages["method"].options.n_steps == 20
    assert plan.stages["peaks"].options.number == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = 1\nsplit = test", "'{path}' is not valid TOML: .*line 2"),
        ('split = "test', "'{path}' is not valid TOML: .*end of document"),
        ("seed = 1\nseed = 2\n", "'{path}' is not valid TOML: .*line 2"),
        ("sead = 1", r"There is no setting 'sead' in '{path}'\. Did you mean seed\?"),
        ("[metod]\n", r"There is no setting 'metod' in '{path}'\. Did you mean method\?"),
        ("seed = 'x'", r"'seed' in '{path}' must be a whole number, not 'x'\."),
        ("seed = -1", r"'seed' in '{path}' must lie between 0 and 2\^63 - 1, not -1\."),
        ("seq_len = 0", r"'seq_len' in '{path}' must be at least 1, not 0\."),
        ("overwrite = 3", r"'overwrite' in '{path}' must be true or false, not 3\."),
        ("genes = [0.5]", r"'genes' in '{path}' must be text, not 0\.5\."),
        ("split = false", r"'split' in '{path}' must be text, not False\."),
        ("peaks = 3", r"'peaks' in '{path}' must be a table, such as \[peaks\] with provider"),
        ("target = 3", r"'target' in '{path}' must be a table, such as \[target\] with tasks"),
        ("[peaks]\nprovider = 0.5", r"'provider' of \[peaks\] in '{path}' must be text, not 0\.5\."),
        ("[target]\ntask = 'a'", r"There is no option 'task' in \[target\] in '{path}'\. Did you mean tasks\?"),
        ("[target]\ncompare = 'minus'", r"Option 'compare' of \[target\] in '{path}' must be one of subtract, divide"),
    ],
)
def test_bad_toml_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message.replace("{path}", str(path))) as caught:
        RunConfig.from_toml(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file '.*gone\.toml'; give the path of a TOML file"):
        RunConfig.from_toml(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="is a folder; give the path of a TOML file"):
        RunConfig.from_toml(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"'.*binary\.toml' cannot be read"):
        RunConfig.from_toml(binary)


# --- Python -----------------------------------------------------------------------------------------------------------


def test_python_values_are_checked_as_toml_is() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no stage 'peeks'\. Did you mean peaks\?"):
        RunConfig(stages={"peeks": StageChoice("scipy")})
    with pytest.raises(ConfigError, match=r"Stage 'peaks' must be a StageChoice, not 'scipy'; RunConfig\.from_map"):
        RunConfig(stages={"peaks": "scipy"})  # type: ignore[dict-item]
    with pytest.raises(OptionError, match="'seed' in the configuration must be a whole number, not 'x'"):
        RunConfig(stages={}, seed="x")  # type: ignore[arg-type]
    assert RunConfig(stages={}, genes="SPI1,CD68").genes == ("SPI1", "CD68")  # type: ignore[arg-type]
    assert RunConfig(stages={}, genes=["SPI1"]).genes == ("SPI1",)  # type: ignore[arg-type]


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RunConfig(stages={}).seed = 3  # type: ignore[misc]


def test_paths_may_be_path_objects(registry: Registry) -> None:
    stages = {"source": StageChoice(None, {"path": Path("a/genes.h5")}), "model": StageChoice("demo")}
    plan = RunConfig(stages=stages, target=TargetOptions(tasks=["0"])).plan(registry)
    assert plan.stages["source"].options.path == str(Path("a/genes.h5"))


# --- flags over TOML --------------------------------------------------------------------------------------------------


def test_flags_win_and_what_is_not_given_stays(tmp_path: Path) -> None:
    run = RunConfig.from_toml(write(tmp_path, GOOD))
    changed = run.with_changes(
        options={"peaks": {"distance": "9"}, "method": {"n_steps": "30"}},
        target={"tasks": "0"},
        seed=8,
        split=None,
        output=None,
    )
    assert (changed.seed, changed.genes, changed.output) == (8, ("SPI1", "CD68"), "out")
    assert changed.target == TargetOptions(transform="aggregate", tasks=("0",))
    assert changed.stages["peaks"].options == {"number": 5, "distance": "9"}
    assert changed.stages["method"].options == {"n_steps": "30"}
    assert run.seed == 7, "the original stays"
    with pytest.raises(OptionError, match="'seq_len' in the command line must be at least 1, not -2"):
        run.with_changes(seq_len=-2)


@pytest.mark.parametrize(
    ("stage", "before", "name", "after"),
    [
        ("method", {"provider": "integrated-gradients", "n_steps": 20}, "saliency", {}),
        ("method", {"provider": "integrated-gradients", "n_steps": 20}, "Integrated_Gradients", {"n_steps": 20}),
        ("peaks", {"number": 5}, "scipy", {"number": 5}),
        ("peaks", {"number": 5}, "other", {}),
        ("model", {"path": "a:b", "weights": "w"}, "demo", {}),
        ("model", {"path": "a:b", "weights": "w"}, "torch", {"path": "a:b", "weights": "w"}),
        ("source", {"path": "a.h5", "loci": "a.bed"}, "hdf5", {"path": "a.h5", "loci": "a.bed"}),
        ("source", {"provider": "zarr", "path": "a"}, "hdf5", {}),
    ],
)
def test_another_provider_drops_the_options_of_the_old_one(
    stage: str, before: dict[str, Any], name: str, after: dict[str, Any]
) -> None:
    run = RunConfig.from_mapping({stage: before}).with_changes(providers={stage: name})
    assert run.stages[stage] == StageChoice(name, after)


def test_triples_become_options_by_stage() -> None:
    triples = [("peaks", "number", "5"), ("peaks", "sign", "both"), ("target", "tasks", "a,b")]
    assert split_options(triples) == (
        {"peaks": {"number": "5", "sign": "both"}},
        {"target": {"tasks": "a,b"}, "compute": {}, "variants": {}, "scores": {}, "compare": {}},
    )
    with pytest.raises(UnknownNameError, match=r"There is no stage 'peak'\. Did you mean peaks\?"):
        split_options([("peak", "number", "5")])


# --- which provider ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "value", "choice"),
    [
        ("source", "genes.h5", StageChoice("hdf5", {"path": "genes.h5"})),
        ("source", "folder/GENES.HDF5", StageChoice("hdf5", {"path": "folder/GENES.HDF5"})),
        ("source", "hdf5", StageChoice("hdf5")),
        ("model", "demo", StageChoice("demo")),
        ("model", "Demo", StageChoice("demo")),
        ("model", "net.pt2", StageChoice("torch", {"path": "net.pt2"})),
        ("model", "my_model:build", StageChoice("torch", {"path": "my_model:build"})),
        ("model", "folder/my_model.py:build", StageChoice("torch", {"path": "folder/my_model.py:build"})),
        ("method", "saliency", StageChoice("saliency")),
    ],
)
def test_choose(registry: Registry, stage: str, value: str, choice: StageChoice) -> None:
    assert choose(stage, value, registry) == choice


@pytest.mark.parametrize(
    ("stage", "value", "message"),
    [
        (
            "source",
            "genes.zip",
            r"no data source that reads 'genes\.zip'\. Known endings: \.fa.*--source NAME -O source\.path",
        ),
        ("source", "genes", r"no data source 'genes'.*Give a provider's name, or a file\."),
        ("model", "weights.safetensors", r"no model that reads 'weights\.safetensors'\. Known endings"),
        ("model", "dmo", r"no model 'dmo'\. Did you mean demo\? Give a provider's name, a file, or module:callable\."),
    ],
)
def test_choices_nobody_offers(registry: Registry, stage: str, value: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        choose(stage, value, registry)


def test_choices_that_two_plugins_offer(registry: Registry) -> None:
    from decima_torch import decima_models

    twice = Registry.discover(disabled=())
    twice.register(type("Plugin", (), {"decima_models": staticmethod(decima_models)}), "copy")
    assert choose("model", "demo", twice).provider == "demo"
    assert twice.get("model", "demo").owner.plugin == "decima_torch", "a bundled name stays where it is"


def test_a_name_in_toml_is_a_provider_or_a_file(registry: Registry) -> None:
    plan = config(model="demo").plan(registry)
    assert plan.stages["model"].provider.spec.name == "demo"
    assert plan.stages["source"].options.path == "genes.h5"
    plan = config(model="pkg.mod:build").plan(registry)
    assert plan.stages["model"].options.path == "pkg.mod:build"


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_seed_reaches_every_provider_that_has_one(registry: Registry) -> None:
    run = config(seed=11, method={"provider": "gradient-shap"})
    plan = run.plan(registry)
    assert plan.stages["method"].options.seed == 11
    assert plan.stages["model"].options.seed == 11
    own = config(seed=11, method={"provider": "gradient-shap", "seed": 3}).plan(registry)
    assert own.stages["method"].options.seed == 3
    assert not hasattr(plan.stages["peaks"].options, "seed")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"model": "demo"}, r"No data source was given; use --source genes\.h5\."),
        ({"source": "a.h5"}, r"No model was given; use --model my_model:build \(or --model demo\)\."),
        ({"source": "a.h5", "model": {"weights": "w"}}, "No model was given"),
        ({"source": {"path": 0.5}, "model": "demo"}, r"Option 'path' of the data source must be text, not 0\.5\."),
        ({"method": "salency"}, r"There is no attribution method 'salency'\. Did you mean saliency\?"),
        ({"peaks": {"heigth": 1}}, r"There is no option 'heigth' in peak caller 'scipy'\. Did you mean height\?"),
        ({"peaks": {"distance": 0}}, r"Option 'distance' of peak caller 'scipy' must be at least 1, not 0\."),
        (
            {"motifs": {"p_threshold": 2}},
            r"Option 'p_threshold' of motif scanner 'jaspar' must be at most 1, not 2\.0\.",
        ),
    ],
)
def test_a_plan_is_refused_before_work(registry: Registry, table: dict[str, Any], message: str) -> None:
    whole = {"source": "a.h5", "model": "demo"} if set(table) <= {"method", "peaks", "motifs"} else {}
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_mapping({**whole, **table}).plan(registry)


def test_specificity_without_tasks_is_refused_before_work(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"No tasks were given.*--transform aggregate"):
        config(target={}).plan(registry)
    assert config(target={"transform": "aggregate"}).plan(registry)


def test_a_planned_stage_creates_its_provider_and_says_whose_it_is(registry: Registry) -> None:
    planned = config(peaks={"number": 3}).plan(registry).stages["peaks"]
    assert planned.create().options.number == 3
    assert planned.provenance()["distribution"] == "decima-core"
    assert planned.provenance()["options"]["number"] == 3


def test_everything_is_checked_without_heavy_imports(tmp_path: Path) -> None:
    program = """
        import json, sys
        from decima_core import Registry, RunConfig
        plan = RunConfig.from_toml(sys.argv[1]).plan(Registry.discover())
        assert plan.stages["peaks"].options.number == 5
        print(json.dumps(sorted(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(write(tmp_path, GOOD))],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"torch", "captum", "h5py", "scipy", "pyjaspar", "pandas", "numpy", "llvmlite", "Bio", "rich"}
    assert not heavy & set(json.loads(done.stdout))


# --- the record of a run, tables from the command line ----------------------------------------------------------------


def test_a_record_of_a_run_is_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"config": {"source": {"path": "g.h5"}, "genes": ["A"], "seed": 4}}')
    run = RunConfig.from_file(path)
    assert (run.genes, run.seed, run.stages["source"].options) == (("A",), 4, {"path": "g.h5"})
    for text, message in (
        ("{", "cannot be read as the record of a run"),
        ('{"a": 1}', "has no 'config'"),
        ("[]", "no 'config'"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            RunConfig.from_file(path)
    with pytest.raises(ConfigError, match="nowhere"):
        RunConfig.from_file(tmp_path / "nowhere.json")


def test_entries_of_a_table_are_set_one_by_one_and_read_as_toml() -> None:
    triples = [
        ("model", "arguments.layers", "8"),
        ("model", "arguments.word", "GATA"),
        ("model", "arguments.bias", "true"),
    ]
    options, _ = split_options(triples)
    assert options == {"model": {"arguments": {"layers": 8, "word": "GATA", "bias": True}}}
    old = config(model={"path": "m:build", "arguments": {"layers": 2, "width": 3}})
    new = old.with_changes(options=options)
    assert new.stages["model"].options["arguments"] == {"layers": 8, "width": 3, "word": "GATA", "bias": True}
    assert old.stages["model"].options["arguments"] == {"layers": 2, "width": 3}
