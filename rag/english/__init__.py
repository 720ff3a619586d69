"""English grammar for news: the one home of word lists, sentences, names, numbers, times, clauses and
speakers.
"""
