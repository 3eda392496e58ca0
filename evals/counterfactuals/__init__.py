"""Does a record follow its abstract? Abstracts in which one thing is changed, and abstracts that only look different.

Examples become pairs (`pairs`, with `numbers`, `names` and `negations`) and reformatted papers (`reformatting`); what
the records say of them is compared in `following`.
"""
