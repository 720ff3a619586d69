"""How articles are read out of files: a module a format, each with one function from bytes to `Extracted`.

What a format's library is, is its module's own affair: it is imported when the first file of its kind is
read.
"""
