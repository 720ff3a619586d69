"""Bytes to articles: a module for each format, each with one function from bytes to `Extracted`.

`kinds` says which file is read by which module. `texts` and `records` read text, lines and rows in this
process. `parsing` reads everything else, feeds too, in processes with limits of time and memory (`worker`). A
format's library is imported when the first file of its kind is read. `articles` makes an `Article` of what
was extracted.
"""
