"""A page under traffic: `python -m eval.bench.traffic` says how, and each side of it is a file of its own."""
