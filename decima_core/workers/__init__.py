"""Many processes at the genes of one run: on this machine, or wherever Dask has workers.

A run is one function of a gene's name, the work. How it is made is a *build*: a function without arguments that can be
pickled, so that every process makes the work for itself, with a model and open files of its own. An executor calls the work
for each name and hands back what it returns, in the order in which it comes.

============== =====================================================================================================
``Processes``   N processes on this machine; one that dies is replaced, and its gene is tried again
``DaskWorkers`` the workers of a Dask scheduler, local or anywhere (needs the extra ``dask``)
============== =====================================================================================================

No executor holds more results than it has workers, however many genes there are.
"""
