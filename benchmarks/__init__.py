"""How fast the project is beside its peers: one command an area, everything side by side in one run. See README.md."""
