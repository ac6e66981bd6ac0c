"""The same with Decima's parts: its reader, captum as it uses it, its Attribution for peaks and motifs, its writer."""

import runpy
import warnings
from functools import lru_cache

from captum.attr import InputXGradient
from decima.core.attribution import Attribution
from decima.data.read_hdf5 import extract_gene_data, list_genes
from decima.utils.io import AttributionWriter
from serve import serve, task
from torch import nn

warnings.simplefilter("ignore")


class MeanOfTasks(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x).mean(dim=1)


@lru_cache
def method(network):
    return InputXGradient(MeanOfTasks(runpy.run_path(network)["build"]()))


@task()
def run(genes, network, motifs, folder, metadata):
    names, peaks, hits = list(list_genes(genes)), 0, 0
    writer = AttributionWriter(f"{folder}/theirs.h5", names, "m", metadata_anndata=metadata, bigwig=False)
    with writer:
        for name in names:
            inputs = extract_gene_data(genes, name)
            attrs = method(network).attribute(inputs[None].requires_grad_())[0, :4].detach().numpy()
            found = Attribution(inputs.detach().numpy(), attrs, gene=name)
            sites = found.scan_motifs(motifs)
            found.peaks.to_csv(f"{folder}/{name}.peaks.tsv", sep="\t", index=False)
            sites.to_csv(f"{folder}/{name}.motifs.tsv", sep="\t", index=False)
            writer.add(name, inputs[:4].detach().numpy(), attrs)
            peaks, hits = peaks + len(found.peaks), hits + len(sites)
    return [peaks, hits]


serve()
