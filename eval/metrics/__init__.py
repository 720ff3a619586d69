"""One function for each number we publish, so that a name means one thing.

    retrieval     hit_at, mrr, ndcg, average_precision, multihop_average_precision
    answers       exact_match, token_f1, contained, fact_recall
    citations     supports, citation_recall, citation_precision, fact_coverage, offsets_hold
    abstention    false_answer_rate, false_refusal_rate, auroc, risk_coverage, aurc, declined_at_answered
    conflicts     conflict_recall, conflict_precision
    followups     followup_gain
    interval      bootstrap, paired_difference

Those of `retrieval`, `answers` and `citations` judge one question: the published number is the mean over
the questions that have one. The others judge a whole set. `None` means that there was nothing to judge;
it is never counted as zero.
"""
