"""What is asked of a contender's datasets: making one, its items one by one, and its items through a loader."""

from serve import task


def offer(dataset, batches, sequence):
    """Mark the tasks: ``dataset(**given)`` is cached, ``batches(workers, route, **given)`` is a loader, ``sequence(item)`` what is compared."""

    @task(len)
    def construct(**given):
        dataset.cache_clear()
        return dataset(**given)

    @task(sequence)
    def one_by_one(**given):
        found = dataset(**given)
        for i in range(len(found)):
            item = found[i]
        return item

    @task(sequence)
    def through(workers, route, **given):
        for batch in batches(workers, route, **given):
            item = batch
        return item
