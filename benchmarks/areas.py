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
    "writing": (
        "Writing attributions",
        "The same attributions of the bases that are there, written by each program in its own file, compressed as it does. Decima stores all "
        "four bases. So do we with `full`, which Decima's own tools read; `projected` keeps the base that is there, and loses nothing; `float16` rounds "
        "it to 11 bits. What is read back is compared.",
    ),
    "pipeline": (
        "The whole pipeline",
        "Genes of random bases from a file to a folder of results, with a network so small that what is around it shows: reading, input x gradient, "
        "peaks, motifs, files. Beside it are Decima's own parts put together in the same order, with Decima's defaults. The two call peaks by "
        "different rules, so the numbers of peaks and hits differ, and are given. With Decima's own network the model takes nearly all of the time, and the same in "
        "both.",
    ),
    "attribution": (
        "Attribution",
        "Input x gradient of one gene on the CPU, through a network of random weights with residual blocks and pooling, in the manner of "
        "Borzoi. *torch.autograd* is what torch takes at least: one forward and one backward pass, frozen weights. Ours makes the "
        "prediction too, checks it and the values, and leaves the model as found. Several targets, each one task minus the mean of all "
        "others, share the forward pass; *one by one* is ours too, without that. *ours, plain* is ours without the flag that is named.",
    ),
    "gpu": (
        "Attribution on a GPU",
        "Input x gradient of one gene with the layers and sizes of Decima's network, random weights, at its full window. *torch.autograd* has frozen "
        "weights, as ours. Each way to compute stands beside ours as it is without flags; how far another precision lies from float32 is said, of "
        "random weights, which is no measure of trained ones.",
    ),
    "peaks": (
        "Peaks",
        "Summits of a track of noise and bumps. *scipy* is `scipy.signal.find_peaks` on the whole track, with the same peaks as the answer.",
    ),
    "scan": (
        "Motif scanning",
        "Vertebrate motifs of JASPAR 2024 on random bases. *ours* is the search of `jaspar`, sites in columns; the *whole table* has p- and "
        "q-values, attribution scores, names and the order of rows besides, which none of the others makes. Compiled code is there in all rows. "
        "memelite rounds scores to tenths of a bit and lightmotif takes other p-values, so a part of their sites are others.",
    ),
    "startup": (
        "Start-up",
        "From the start of the interpreter to its end, with everything in the system's cache and bytecode compiled, as after `pip install`. For "
        "`decima-core run` the clock stops when the first gene is done; beside it is what any such program must import.",
    ),
}
"""Name of each area: its heading and its introduction."""
