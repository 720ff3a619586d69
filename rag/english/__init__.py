"""English grammar for news: the one home of word lists, sentences, names, numbers, times, clauses and
speakers.

Each module has plain functions over a text, which return frozen values or tuples of them, in the order of
the text. Offsets count code points of the text that was handed in. Nothing here imports anything else of
ours, and the only state is caches of what was worked out before. Another language stands beside this one
if it has:

- `lexicon`: STOPWORDS, CALENDAR, NEGATIONS, SPEECH_VERBS, HEDGES, TITLES and the other lists; `forms`,
`lemma`
- `normalise`: `words`, `stem`, `content_stems`; `fold`, `locate` and `normalise` hold for any language
- `sentences`: `sentences`, `quoted`
- `names`: `names` gives `Name`; `same_name`
- `numbers`: `numbers`; `figures` gives `Figure`
- `dates`: `time_in` gives `Time`; `times`: `resolved` and `days` give `Moment`; `day_of`
- `clauses`: `clauses` gives `Clause`; `denials` gives `Denial`; `is_denied`, `is_hedged`, `is_reported`
- `speakers`: `speakers` gives `Speaker`; `with_speaker`
- `matching`: `squad_normalise`, `exact_match`, `token_f1`, `contained`
"""
