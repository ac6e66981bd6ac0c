"""The areas, in the order of the page: heading, and what the reader is told of what is measured."""

from __future__ import annotations

ABOUT: dict[str, tuple[str, str]] = {
    "genes": (
        "Gene access",
        "A gene file in the layout that Decima writes, random bases, read again and again: the operating system has it in memory. The "
        "*floor* reads the codes with one `pread` and makes the one-hot form in a fresh array, the mask from two integers: no "
        "program that hands out a new array for each gene can do less.",
    ),
    "datasets": (
        "Datasets",
        "Items `(5, L)` float32 of every gene of a file, in order, one at a time. With workers, a pass begins with workers that are up. "
        "PyTorch's `DataLoader` hands the finished item of 10.5 MB from process to process; our `loader` sends base codes and the "
        "mask's bounds, and makes the item where it arrives. Decima's class stands beside both, in a `DataLoader`. The *floor* reads "
        "no labels.",
    ),
    "variants": (
        "Variants",
        "Both alleles of substitutions in the windows of genes, in order. Decima's `VariantDataset` reads a genome and its metadata. "
        "Ours reads the same two, or a gene file (named where it is). Ours also holds REF against the genome when it is made, which Decima's "
        "does not. The *floor* keeps the codes of the gene it read last, changes one of them, and makes the item of them in a fresh array.",
    ),
    "startup": (
        "Start-up",
        "From the start of the interpreter to its end, with everything in the system's cache and bytecode compiled, as after `pip install`. For "
        "`decima-core run` the clock stops when the first gene is done; beside it is what any such program must import.",
    ),
}
"""Name of each area: its heading and its introduction."""
