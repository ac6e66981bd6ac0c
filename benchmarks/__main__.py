"""``python -m benchmarks``: every area, one after another, each in a process of its own, so that none finds what another left in memory."""

import subprocess
import sys

from benchmarks.areas import ABOUT

for name in ABOUT:
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False)
    if done.returncode:
        sys.exit(done.returncode)
