"""Every format of gene table gives the same genes; each wrong line is named."""

from __future__ import annotations

import gzip
import logging
import sys

import numpy as np
import pandas as pd
import pytest

from decima_core import DataError, OptionError, PluginError
from decima_core.records import Locus
from decima_fasta.gff import attributes
from decima_fasta.rows import whole

SPLITS = {"AAA": "train", "BBB": "val", "CCC": "train", "DDD": "test"}


def gtf(genes, feature="gene"):
    lines = ["#!genome-build test"]
    for i, (gene, chrom, start, end, strand, *_) in enumerate(genes):
        rest = f'gene_id "ENSG{i}"; gene_version "2"; gene_name "{gene}"; note "a; b";'
        lines.append(f"{chrom}\tx\t{feature}\t{start + 1}\t{end}\t.\t{strand}\t.\t{rest}")
        lines.append(f'{chrom}\tx\ttranscript\t{start + 1}\t{end}\t.\t{strand}\t.\t{rest} transcript_id "T{i}";')
        lines.append(f'{chrom}\tx\texon\t{start + 1}\t{start + 5}\t.\t{strand}\t.\t{rest} transcript_id "T{i}";')
    return "\n".join(lines) + "\n"


def gff3(genes):
    lines = ["##gff-version 3"]
    features = ("gene", "ncRNA_gene", "pseudogene", "gene")
    for i, (gene, chrom, start, end, strand, *_) in enumerate(genes):
        span = f"{start + 1}\t{end}\t.\t{strand}\t.\t"
        lines.append(f"{chrom}\tx\t{features[i]}\t{span}ID=gene:ENSG{i};Name={gene};description=a%3B b")
        lines.append(f"{chrom}\tx\tmRNA\t{span}ID=transcript:T{i};Parent=gene:ENSG{i};Name={gene}-201")
    return "\n".join([*lines, "##FASTA", ">chr1", "ACGT"]) + "\n"


def delimited(genes, separator="\t", split="split"):
    lines = [separator.join(("strand", "gene", "chrom", "start", "end", split))]
    lines += [separator.join(map(str, (s, gene, c, a, b, part))) for gene, c, a, b, s, part in genes]
    return "\n".join(lines) + "\n"


def frame(genes, **more):
    columns = ["gene", "chrom", "start", "end", "strand", "split"]
    return pd.DataFrame(list(genes), columns=columns).assign(**more)


def var(genes, upstream=10, length=40):
    """Decima's layout: the windows, and where in each the gene lies."""
    rows = {}
    for gene, chrom, start, end, strand, split in genes:
        left = start - upstream if strand == "+" else end + upstream - length
        rows[gene] = {
            "chrom": chrom,
            "start": left,
            "end": left + length,
            "strand": strand,
            "gene_mask_start": upstream,
            "gene_mask_end": min(upstream + end - start, length),
            "dataset": split,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def as_anndata(table):
    anndata = pytest.importorskip("anndata", reason="anndata is optional")
    return anndata.AnnData(X=np.zeros((2, len(table)), dtype="f4"), var=table)


def write(path, text):
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


FORMATS = {
    "genes.gtf": gtf,
    "genes.gtf.gz": gtf,
    "genes.GTF": gtf,
    "parts.gtf": lambda genes: gtf(genes, feature="five_prime_utr"),
    "genes.gff3": gff3,
    "genes.gff": gff3,
    "genes.gff3.gz": gff3,
    "genes.bed": lambda genes: "".join(f"{c}\t{a}\t{b}\t{g}\t0\t{s}\n" for g, c, a, b, s, _ in genes),
    "blanks.bed": lambda genes: (
        "track name=x\n# note\n\n" + "".join(f"{c} {a} {b} {g} 0 {s}\n" for g, c, a, b, s, _ in genes)
    ),
    "headed.bed": lambda genes: (
        "#chrom\tchromStart\tchromEnd\tname\tscore\tstrand\n"
        + "".join(f"{c}\t{a}\t{b}\t{g}\t0\t{s}\n" for g, c, a, b, s, _ in genes)
    ),
    "genes.tsv": delimited,
    "genes.tsv.gz": delimited,
    "genes.txt": delimited,
    "genes.csv": lambda genes: delimited(genes, ",", "dataset"),
    "windows.tsv": lambda genes: var(genes).to_csv(sep="\t"),
    "windows.csv": lambda genes: var(genes).rename_axis("gene").to_csv(),
    "frame.csv": lambda genes: frame(genes).to_csv(),
}


@pytest.fixture
def expected(open_source):
    with open_source() as source:
        return [source.read(gene) for gene in source.genes()]


def check(source, expected):
    records = [source.read(gene) for gene in source.genes()]
    assert [r.gene for r in records] == [r.gene for r in expected]
    for record, other in zip(records, expected, strict=True):
        np.testing.assert_array_equal(record.inputs(), other.inputs())
        assert (record.tss, record.locus) == (other.tss, other.locus)
    source.close()
    return [r.split for r in records]


@pytest.mark.parametrize("name", FORMATS)
def test_every_text_format_gives_the_same_records(name, parts, tmp_path, open_source, expected):
    text = FORMATS[name](parts.GENES)
    source = open_source(write(tmp_path / f"other-{name}", text))
    splits = check(source, expected)
    if "split" in text or "dataset" in text:
        assert splits == list(SPLITS.values())
        assert source.splits() == ("train", "val", "test")
        assert source.genes("train") == ("AAA", "CCC")
    else:
        assert splits == [None] * 4


@pytest.mark.parametrize(
    "make",
    [
        frame,
        lambda genes: frame(genes).set_index("gene"),
        lambda genes: frame(genes).set_index("gene").rename_axis(None),
        lambda genes: frame(genes).rename(columns={"chrom": "Chromosome", "start": "Start", "end": "End"}),
        lambda genes: frame(genes).astype({"start": "float64", "chrom": "category", "end": "Int64"}),
        lambda genes: frame(genes)[::-1].sort_values("gene"),
        lambda genes: frame(genes).rename(columns={"start": "gene_start", "end": "gene_end"}).assign(start=0, end=3),
        var,
        lambda genes: as_anndata(var(genes)),
        lambda genes: as_anndata(frame(genes).set_index("gene")),
        lambda genes: as_anndata(var(genes).assign(gene="other", gene_name=list("wxyz"))),
    ],
)
def test_python_objects_give_the_same_records(make, parts, open_source, expected, genome_path):
    source = open_source(make(parts.GENES))
    assert source.files == (str(genome_path),)
    assert check(source, expected) == list(SPLITS.values())


def test_an_h5ad_file_gives_the_same_records_and_only_var_is_read(parts, tmp_path, open_source, expected):
    path = tmp_path / "genes.h5ad"
    as_anndata(var(parts.GENES)).write_h5ad(path)
    assert check(open_source(path), expected) == list(SPLITS.values())
    assert check(open_source(str(path), seq_len=None, upstream=None), expected) == list(SPLITS.values())
    import h5py

    with h5py.File(path, "a") as file:
        del file["X"], file["obs"]
    check(open_source(path), expected)


def test_the_registry_takes_python_objects(parts, genome_path, expected):
    from decima_core import Registry

    for table in (frame(parts.GENES), as_anndata(var(parts.GENES))):
        source = Registry.discover().create(
            "source", "fasta", path=str(genome_path), genes=table, seq_len=40, upstream=10
        )
        check(source, expected)


def test_without_anndata_the_remedy_is_named(tmp_path, open_source, monkeypatch):
    path = tmp_path / "genes.h5ad"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "anndata", None)
    monkeypatch.delitem(sys.modules, "anndata.io", raising=False)
    with pytest.raises(PluginError, match=r"pip install 'decima-core\[anndata\]'"):
        open_source(path).genes()


# --- windows that the table gives ---------------------------------------------------------------------------------------


def test_windows_in_the_table_are_taken_as_given(parts, open_source):
    with open_source(var(parts.GENES, upstream=7, length=31), seq_len=None, upstream=None) as source:
        assert source.seq_len == 31
        assert source.read("AAA").tss == 7
        assert source.locus("BBB") == Locus(chrom="chr1", start=170 + 7 - 31, end=177, strand="-")
        assert source.read("CCC").locus.start == -7
    with open_source(var(parts.GENES, 7, 31), seq_len=31, upstream=None, edges="shift") as source:
        assert (source.read("CCC").locus.start, source.read("CCC").tss) == (0, 0)


def test_another_length_cuts_windows_anew_at_the_masked_genes(parts, open_source, expected):
    table = var(parts.GENES, upstream=5, length=60)
    check(open_source(table), expected)  # 40 bases, 10 upstream
    check(open_source(var(parts.GENES, upstream=5, length=40), upstream=10, seq_len=None), expected)


def test_a_mask_that_ends_with_its_window_is_widened_by_gene_bounds_that_agree(parts, open_source):
    short = var(parts.GENES, upstream=5, length=20)
    bounds = {gene: (start, end) for gene, _, start, end, *_ in parts.GENES}
    table = short.assign(gene_start=[a for a, _ in bounds.values()], gene_end=[b for _, b in bounds.values()])
    for gene, expected_end in (("AAA", 50), ("BBB", 60)):
        with open_source(table, seq_len=100) as source:
            assert source.read(gene).mask_bounds == (10, expected_end)
        with open_source(short, seq_len=100) as source:
            assert source.read(gene).mask_bounds == (10, 25)
        with open_source(table.assign(gene_start=1, gene_end=200), seq_len=100) as source:
            assert source.read(gene).mask_bounds == (10, 25)


def test_windows_of_different_lengths_are_refused(parts, open_source):
    table = pd.concat([var(parts.GENES[:2]), var(parts.GENES[2:], length=41)])
    with pytest.raises(
        DataError, match="'AAA' a window of 40 bases and gene 'CCC' one of 41; all must be equally long"
    ):
        open_source(table, seq_len=None, upstream=None).genes()
    assert open_source(table, seq_len=40, upstream=None)  # made; the default upstream does not fit 40 bases
    assert open_source(table).read("CCC").tss == 10


# --- names --------------------------------------------------------------------------------------------------------------


def test_names_that_occur_twice_give_way_to_ids(parts, tmp_path, open_source, caplog):
    text = gtf([("Y_RNA", *parts.GENES[0][1:]), parts.GENES[1], ("Y_RNA", *parts.GENES[2][1:]), parts.GENES[3]])
    with open_source(write(tmp_path / "y.gtf", text)) as source:
        assert source.genes() == ("ENSG0", "BBB", "ENSG2", "DDD")
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "more than once" in caplog.text
    assert ": 1, such as Y_RNA; these genes go by their ids" in caplog.text


def test_ids_shared_by_two_contigs_carry_their_contig(parts, tmp_path, open_source):
    """The pseudo-autosomal genes of Ensembl's newer files: one id on X and on Y."""
    text = gtf(parts.GENES).replace("ENSG2", "ENSG0").replace('"CCC"', '"AAA"')
    with open_source(write(tmp_path / "par.gtf", text)) as source:
        assert source.genes() == ("ENSG0@chr1", "BBB", "ENSG0@chr2", "DDD")
    text = gtf(parts.GENES).replace("ENSG1", "ENSG0").replace('"BBB"', '"AAA"')
    with pytest.raises(DataError, match=r"Line 5 .* names gene 'ENSG0@chr1' a second time, after line 2"):
        open_source(write(tmp_path / "par.gtf", text)).genes()


def test_a_gene_without_a_name_goes_by_its_id(parts, tmp_path, open_source):
    text = gtf(parts.GENES).replace('gene_name "BBB"; ', "")
    with open_source(write(tmp_path / "a.gtf", text)) as source:
        assert source.genes() == ("AAA", "ENSG1", "CCC", "DDD")
    text = gff3(parts.GENES).replace("Name=BBB;", "").replace("Name=AAA", "Name=A%2CA%3B1")
    with open_source(write(tmp_path / "a.gff3", text)) as source:
        assert source.genes() == ("A,A;1", "ENSG1", "CCC", "DDD")


def test_parts_without_gene_rows_are_joined_by_gene_id(open_source, tmp_path):
    rows = [
        ("transcript", 51, 70, 'gene_id "g1"; transcript_id "t1";'),
        ("exon", 51, 55, 'gene_id "g1"; transcript_id "t1";'),
        ("exon", 81, 90, 'gene_id "g1"; transcript_id "t2";'),
        ("CDS", 1, 2, 'gene_id "g1"; transcript_id "t2";'),
        ("exon", 100, 101, 'gene_id "g2"; transcript_id "t3";'),
    ]
    text = "".join(f"chr1\tx\t{f}\t{a}\t{b}\t.\t+\t.\t{rest}\n" for f, a, b, rest in rows)
    with open_source(write(tmp_path / "x.gtf", text), seq_len=60) as source:
        assert source.genes() == ("g1", "g2")
        assert source.read("g1").mask_bounds == (10, 50)
        assert source.read("g2").mask_bounds == (10, 12)
    text = "".join(
        f"chr1\tx\t{f}\t{a}\t{b}\t.\t-\t.\t{rest}\n"
        for f, a, b, rest in [("mRNA", 51, 70, "ID=t1;Parent=gene:g1"), ("mRNA", 61, 90, "ID=t2;Parent=gene:g1"),
                              ("exon", 1, 9, "Parent=t1")]
    )  # fmt: skip
    with open_source(write(tmp_path / "x.gff3", text), seq_len=60) as source:
        assert source.genes() == ("g1",)
        assert source.read("g1").mask_bounds == (10, 50)


def test_attributes_of_both_dialects():
    assert attributes('gene_id "G1"; gene_name "a; b=c"; level 2; tag "x"; tag "y"') == {
        "gene_id": "G1",
        "gene_name": "a; b=c",
        "level": "2",
        "tag": "x",
    }
    assert attributes("ID=gene:G1;Name=a%2Cb;Note=x y") == {"ID": "G1", "Name": "a,b", "Note": "x y"}
    assert attributes("") == {}


# --- contigs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_table", "in_genome"),
    [("1", "chr1"), ("chr1", "1"), ("MT", "chrM"), ("M", "MT"), ("chrM", "MT"), ("Chr1", "1")],
)
def test_other_spellings_of_a_contig_are_understood_and_told_once(
    in_table, in_genome, parts, tmp_path, open_source, caplog
):
    genome = parts.write_fasta(tmp_path / "other.fa", {in_genome: parts.GENOME["chr1"], "chr2": parts.GENOME["chr2"]})
    genes = [(gene, in_table if chrom == "chr1" else chrom, *rest) for gene, chrom, *rest in parts.GENES]
    with open_source(parts.write_bed(tmp_path / "o.bed", genes), path=genome) as source:
        for gene in source.genes():
            source.read(gene)
        assert source.read("BBB").locus == Locus(chrom=in_genome, start=140, end=180, strand="-")
    assert len(caplog.records) == 1
    assert f"calls contig '{in_genome}'" in caplog.text
    assert f"'{in_table}'; results carry '{in_genome}'" in caplog.text


def test_an_exact_name_goes_before_another_spelling(parts, tmp_path, open_source, caplog):
    genome = parts.write_fasta(tmp_path / "o.fa", {"1": parts.GENOME["chr2"], **parts.GENOME})
    with open_source(path=genome) as source:
        assert source.locus("AAA").chrom == "chr1"
    assert not caplog.records


def test_genes_of_contigs_that_the_genome_lacks_are_left_out_with_one_warning(parts, tmp_path, open_source, caplog):
    genes = [*parts.GENES, ("EEE", "chrUn_1", 5, 10, "+"), ("AAA", "chr1_alt", 5, 10, "+")]
    with open_source(parts.write_bed(tmp_path / "more.bed", genes)) as source:
        assert source.genes() == ("AAA", "BBB", "CCC", "DDD")
    assert len(caplog.records) == 1
    assert "lacks their contigs: 2, such as EEE (chrUn_1), AAA (chr1_alt)." in caplog.text


def test_no_gene_on_the_genome_is_an_error(parts, tmp_path, open_source):
    genes = [("EEE", "NC_000001.11", 5, 10, "+")]
    with pytest.raises(DataError, match=r"None of the contigs .*NC_000001\.11.* is in the genome .*chr1, chr2"):
        open_source(parts.write_bed(tmp_path / "more.bed", genes)).genes()


def test_a_gene_beyond_its_chromosome_tells_of_another_genome(parts, tmp_path, open_source):
    genes = [*parts.GENES, ("EEE", "chr2", 70, 81, "+")]
    with pytest.raises(DataError, match=r"Line 5 .* lets gene 'EEE' end at 81, but 'chr2' .* has 80 bases"):
        open_source(parts.write_bed(tmp_path / "more.bed", genes)).genes()


# --- what is wrong is named ---------------------------------------------------------------------------------------------

GOOD = "chr1\t50\t90\tAAA\t0\t+\n"
GTF = "chr1\tx\tgene\t{}\t{}\t.\t{}\t.\t{}\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.bed", GOOD + "chr1\t5\t9\tB\t0\t.\n", "Line 2 of the gene table .* gives gene 'B' no strand; .* needs strand"),
        ("a.bed", GOOD + "chr1\t5\t9\tB\t0\t*\n", r"Line 2 .* gives gene 'B' strand '\*'"),
        ("a.bed", GOOD + "chr1\t5\t9\tB\n", "Line 2 .* has no strand: it has 4 columns; BED6 has six"),
        ("a.bed", "chr1\t5\t9\n", "Line 1 .* has no strand: it has 3 columns; BED6 has six"),
        ("a.bed", GOOD + GOOD, "Line 2 .* names gene 'AAA' a second time, after line 1"),
        ("a.bed", "chr1\t9\t9\tB\t0\t+\n", "Line 1 .* has an empty interval, start 9 and end 9"),
        ("a.bed", "chr1\t9\t5\tB\t0\t+\n", "Line 1 .* has an empty interval"),
        ("a.bed", "chr1\t-1\t5\tB\t0\t+\n", "Line 1 .* lets gene 'B' begin before its chromosome, at -1"),
        ("a.bed", "chr1\t1.5\t5\tB\t0\t+\n", "Line 1 .* has start '1.5' and end '5'; both must be whole numbers"),
        ("a.bed", "chr1\t1_0\t50\tB\t0\t+\n", "Line 1 .* both must be whole numbers"),
        ("a.bed", "chr1\t1\t1e9\tB\t0\t+\n", "Line 1 .* both must be whole numbers"),
        ("a.bed", "chr1\t1\t5\t\t0\t+\n", "Line 1 .* names no gene"),
        ("a.bed", "chr1\t1\t5\t#x\t0\t+\n", "Line 1 .* names a gene '#x'"),
        ("a.bed", "\t1\t5\tB\t0\t+\n", "Line 1 .* gives gene 'B' no chromosome"),
        ("a.bed", "# nothing\n", "holds no genes"),
        ("a.bed", "", "holds no genes"),
        ("a.tsv", "", "holds no genes"),
        ("a.gtf", "", "holds no genes"),
        ("a.tsv", "chrom\tstart\tend\tgene\nchr1\t1\t5\tB\n", "Line 1 .* has no column 'strand'; it has chrom, start"),
        ("a.csv", "chrom,start,end,strand\nchr1,1,5,+\n", "Line 1 .* has no column 'gene'"),
        ("a.tsv", GOOD, "Line 1 .* does not name its columns; begin the file with"),
        ("a.csv", "#x\ngene,chrom,start,end,strand\nB,chr1,1,5\n", "Line 3 .* has no strand: it has 4 columns"),
        ("a.csv", "gene,strand,chrom,start,end\nB,+,chr1,1\n", "Line 2 .* has only 4 columns; .* has 5"),
        ("a.csv", "gene,strand,chrom,start,end\n,+,chr1,1,2\n", "Line 2 .* names no gene"),
        ("a.csv", "gene,chrom,start,end,strand,gene_mask_start\n", "has only one of gene_mask_start and gene_mask_end"),
        ("a.csv", "gene,chrom,start,end,strand,gene_mask_start,gene_mask_end\nB,chr1,0,40,+,,\n", "Line 2 .* has gene_mask_start '' and gene_mask_end ''"),
        ("a.csv", "gene,chrom,start,end,strand,gene_mask_start,gene_mask_end\nB,chr1,0,40,+,40,41\n", "must lie in the"),
        ("a.gtf", GTF.format(5, 9, ".", 'gene_id "B";'), "Line 1 .* gives gene 'B' no strand"),
        ("a.gtf", GTF.format(0, 9, "+", 'gene_id "B";'), "Line 1 .* begin before its chromosome, at -1"),
        ("a.gtf", GTF.format(9, 8, "+", 'gene_id "B";'), "Line 1 .* has an empty interval, start 9 and end 8"),
        ("a.gtf", GTF.format(5, 9, "+", 'x "B";'), "Line 1 .* names no gene"),
        ("a.gtf", "chr1\tx\tgene\t5\t9\n", "Line 1 .* has 5 tab-separated columns; GTF and GFF3 have nine"),
        ("a.gff3", GTF.format(5, 9, "?", "ID=B"), r"Line 1 .* gives gene 'B' strand '\?'"),
        ("a.gff3", GTF.format(5, 9, "+", "ID=B;Name=a%09b"), r"Line 1 .* names a gene 'a\\tb'"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(name, text, words, tmp_path, open_source):
    with pytest.raises(DataError, match=words) as caught:
        open_source(write(tmp_path / name, text)).genes()
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strand": "."}, "Row 0 of the gene table .*DataFrame.* gives gene 'AAA' no strand"),
        ({"strand": None}, "Row 0 .* no strand"),
        ({"strand": np.nan}, "Row 0 .* no strand"),
        ({"chrom": pd.NA}, "Row 0 .* gives gene 'AAA' no chromosome"),
        ({"start": np.nan}, "Row 0 .* has start 'nan'"),
        ({"start": 1.5}, "Row 0 .* whole numbers"),
        ({"end": True}, "Row 0 .* whole numbers"),
        ({"end": 3}, "Row 0 .* empty interval"),
        ({"gene": "x"}, "Row 1 .* names gene 'x' a second time, after row 0"),
        ({"gene": None}, "Row 0 .* names no gene"),
    ],
)
def test_a_wrong_row_of_a_dataframe_is_named(change, words, parts, open_source):
    with pytest.raises(DataError, match=words):
        open_source(frame(parts.GENES, **change)).genes()


def test_a_dataframe_without_a_column_or_without_rows(parts, open_source):
    with pytest.raises(DataError, match=r"The gene table \(a DataFrame\) has no column 'strand'; it has gene, chrom"):
        open_source(frame(parts.GENES).drop(columns="strand"))
    with pytest.raises(DataError, match="holds no genes"):
        open_source(frame(parts.GENES)[:0])


def test_files_that_are_no_tables(parts, tmp_path, open_source, genome_path):
    with pytest.raises(DataError, match=r"format of the gene table '.*genome\.fa' is not known from its name; .*\.gtf"):
        open_source(genome_path).genes()
    with pytest.raises(DataError, match=r"gene table '.*gense\.bed' does not exist; did you mean genes\.bed\?"):
        open_source(parts.write_bed(tmp_path / "genes.bed").with_name("gense.bed"))
    with pytest.raises(DataError, match="is a folder"):
        open_source(tmp_path)
    binary = tmp_path / "b.bed"
    for content in (b"\xff\xfe\x00\x81", b"chr1\0\n"):
        binary.write_bytes(content)
        with pytest.raises(DataError, match=r"gene table '.*b\.bed' is not text in UTF-8"):
            open_source(binary).genes()
    packed = write(tmp_path / "g.gtf.gz", gtf(parts.GENES))
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"compressed data of the gene table '.*g\.gtf\.gz' are cut short"):
        open_source(packed).genes()
    for table in (3, {"gene": ["a"]}, object()):
        with pytest.raises(OptionError, match=r"must be the path of a gene table, a DataFrame or an AnnData object"):
            open_source(table)


@pytest.mark.parametrize("content", [b"no", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_damaged_anndata_file(content, tmp_path, open_source):
    pytest.importorskip("anndata", reason="anndata is optional")
    (tmp_path / "a.h5ad").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an AnnData file"):
        open_source(tmp_path / "a.h5ad").genes()


def test_windows_line_ends_and_byte_order_marks_do_no_harm(parts, tmp_path, open_source, expected):
    for name in ("genes.gtf", "genes.csv", "headed.bed"):
        path = tmp_path / f"crlf-{name}"
        path.write_bytes(b"\xef\xbb\xbf" + FORMATS[name](parts.GENES).replace("\n", "\r\n").encode())
        check(open_source(path), expected)


def test_whole_numbers():
    assert [whole(v) for v in (3, 3.0, "3", " +3 ", "3.0", "3.")] == [3] * 6
    assert [whole(v) for v in (True, 3.5, "3.5", "", "x", None, np.nan, np.inf, "1" * 40)] == [None] * 9


def test_a_shared_id_is_no_matter_while_names_differ(parts, tmp_path, open_source, caplog):
    caplog.set_level(logging.INFO)
    text = gtf(parts.GENES).replace("ENSG1", "ENSG0")
    with open_source(write(tmp_path / "a.gtf", text)) as source:
        assert source.genes() == ("AAA", "BBB", "CCC", "DDD")


@pytest.mark.parametrize("column", ["gene", "name", "gene_name", "symbol", "gene_id", "Gene_Name"])
def test_spellings_of_the_gene_column(column, parts, tmp_path, open_source, expected):
    text = delimited(parts.GENES).replace("\tgene\t", f"\t{column}\t", 1)
    check(open_source(write(tmp_path / "spelled.tsv", text)), expected)
