"""At the length the models read, memory stays bounded."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch
torch.manual_seed(0)
from decima_captum import decima_attribution_methods
from decima_core.options import build

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.relu = torch.nn.Conv1d(5, 4, 9, stride=32), torch.nn.ReLU()
    def forward(self, sequence, mask):
        return self.relu(self.conv(torch.cat([sequence, mask], 1))).mean((1, 2))

torch.set_num_threads(2)
L = 524_288
model = Tiny().eval().requires_grad_(False)
x = torch.nn.functional.one_hot(torch.randint(0, 4, (1, L)), 4).permute(0, 2, 1).float().contiguous()
mask = torch.zeros(1, 1, L)
spec = {s.name: s for s in decima_attribution_methods()}["integrated-gradients"]
model(x, mask)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scores = spec.create(build(spec.options, {"n_steps": 30}, "")).attribute(model, x, mask)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024, float(scores.convergence_delta.abs().max()))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="resource is a Unix module")
def test_integrated_gradients_at_full_length_fits_in_memory():
    out = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout
    megabytes, delta = map(float, out.split())
    # 30 steps at once would take 30 x 8 MiB for the inputs alone, three times over.
    assert megabytes < 400
    assert delta < 1e-3
