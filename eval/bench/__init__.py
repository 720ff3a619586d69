"""Benchmarks that take minutes or hours, each run by its own command. Their data is a folder given as an
argument.
"""
