"""Several methods, peak callers or motif scanners on the same genes, side by side.

``measures`` says how alike two results are, ``side_by_side`` runs the stages, ``table`` takes the means, ``contenders`` reads
what is compared, ``run`` writes a folder. ``docs/compare.md`` defines every number.
"""
