"""Parts that motif scanners are made of; a scanner brings the search, and shares the rest.

Its public names come from the top of the package (``from decima_core import GridScanner, ScanOptions``); docs/hooks.md
shows how a scanner is made of them. Nothing heavy is imported here.

* :mod:`decima_core.scanning.options` - the options that scanners share;
* :mod:`decima_core.scanning.motif_sets` - which motifs to scan with: JASPAR, a MEME file, or matrices from Python;
* :mod:`decima_core.scanning.p_values` - the exact null distribution of a motif's score;
* :mod:`decima_core.scanning.strands` - the motifs of both strands as log odds and whole-number losses;
* :mod:`decima_core.scanning.regions` - where to look: at the summits, in windows around them, or in the whole gene window;
* :mod:`decima_core.scanning.scanner` - all of it put together for one gene.
"""
