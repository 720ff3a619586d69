"""How Clippings fares as a collection grows: by size, what each step of a question takes, and memory, disk,
and taking in.

`python -m eval.bench.scale` says how; `__main__` lists the parts, and each is a file of its own. Parts leave
plain figures, `report` makes tables of them and `plots` pictures.
"""
