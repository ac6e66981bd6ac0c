"""What can become of a variant: the values of the column ``status``."""

from __future__ import annotations

STATUSES: dict[str, str] = {
    "ok": "placed in the gene's window, and REF is what the genome has there",
    "symbolic": "ALT spells no bases: `<DEL>`, `*` or a breakend",
    "no_alternative": "ALT is `.`, empty, or equal to REF",
    "non_acgt": "REF or ALT holds N or another letter than A, C, G, T",
    "unknown_contig": "CHROM is none of the source's contigs, with and without `chr`",
    "unknown_gene": "the table names a gene that the source does not have",
    "out_of_window": "it does not lie wholly in a gene's window, at every shift asked for",
    "no_flank": "the source holds too few bases beside the window to move it by the shifts, or to refill it after a deletion: "
    "build the gene file with `--pad`, or set `variants.pad_with_n`",
    "ref_mismatch": "REF is not what the genome has there",
    "gene_deleted": "no masked base of the gene would be left",
    "duplicate": "the same change of the same gene came before",
}
