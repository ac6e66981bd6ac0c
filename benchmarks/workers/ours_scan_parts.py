"""The scanner ``jaspar``, made anew or kept."""

from sites import matrices

from decima_core import Registry

registry, kept_scanners = Registry.discover(), {}


def scanner_of(motifs, p_threshold, kept):
    key = motifs, p_threshold
    if not kept or key not in kept_scanners:
        given = {"motifs": matrices(motifs), "p_threshold": p_threshold, "region": "window"}
        kept_scanners[key] = registry.create("motifs", "jaspar", **given)
    return kept_scanners[key]
