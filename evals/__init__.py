"""Evaluation of summarizer: how good is a configuration, is another one better, and may a change ship.

    examples (a suite and its data) -> records (summarizer) -> samples (with what each metric counts) -> tables

It sees the public names of `summarizer`, and of `summarizer.extension`, and nothing else of it.
"""
