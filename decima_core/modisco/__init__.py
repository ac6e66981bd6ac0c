"""The hand-over to TF-MoDISco, which finds motifs in attributions alone: its inputs out of a run, and its patterns as motifs.

``scores`` reads a run's hypothetical scores, ``windows`` and ``run_peaks`` say where to cut, ``inputs`` writes the arrays,
``discover`` runs the program in a process of its own (``worker``), ``patterns`` and ``meme`` make motifs of what it found.
"""
