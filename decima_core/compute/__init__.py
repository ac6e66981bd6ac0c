"""How a model is computed: in which precision, with how much memory, compiled or as it is. What is computed stays the same."""

from decima_core.compute.computation import Computation as Computation
from decima_core.compute.computation import check_computable as check_computable
from decima_core.compute.computation import computed as computed
