"""What the plugin announces, and that announcing is light."""

import subprocess
import sys

import attrs
import pytest

from decima_captum import decima_attribution_methods
from decima_core.errors import UnknownNameError
from decima_core.registry import Registry

SPECS = list(decima_attribution_methods())


def test_the_methods_with_their_claims():
    claims = {s.name: (s.exact_on_linear, s.complete) for s in SPECS}
    assert claims == {
        "input-x-gradient": (True, False),
        "saliency": (False, False),
        "integrated-gradients": (True, True),
        "deep-lift": (True, True),
        "gradient-shap": (False, False),
        "feature-ablation": (True, False),
        "captum": (False, False),
    }


def test_import_leaves_the_heavy_libraries_alone():
    code = (
        "import sys, decima_captum; list(decima_captum.decima_attribution_methods());"
        "sys.exit(','.join({'torch', 'captum', 'numpy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_registry_takes_it_and_finds_aliases():
    import decima_captum

    registry = Registry()
    registry.register(decima_captum, "decima_captum")
    assert registry.failures == ()
    for alias in ("inputxgradient", "integratedgradients", "deeplift", "gradientshap", "featureablation", "occlusion"):
        assert registry.get("method", alias).create() is not None
    with pytest.raises(UnknownNameError, match="n_steps"):
        registry.create("method", "integrated-gradients", n_step=3)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_every_option_has_help_and_a_default_that_passes_its_own_check(spec):
    spec.options()
    assert all(f.metadata["help"].endswith(".") for f in attrs.fields(spec.options))
