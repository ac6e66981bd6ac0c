"""What variants do to a model's prediction, and to the motifs that it reads."""

from decima_core.effects.explain import VariantExplanation, explain_variants
from decima_core.effects.predict import variant_effects
from decima_core.effects.replicates import Replicates

__all__ = ["Replicates", "VariantExplanation", "explain_variants", "variant_effects"]
