"""What is asked of a contender's functions for genes."""

from serve import task


def offer(extract_gene_data, get_gene_idx):
    """Mark the tasks, which call the two functions as a user does."""

    @task()
    def extract(path, length, genes):
        for g in range(genes):
            last = extract_gene_data(path, f"G{g}", length)
        return last

    @task(int)
    def look_up(path, gene):
        return get_gene_idx(path, gene)
