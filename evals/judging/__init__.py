"""A model as the judge of two runs: which summary is better, and what each of them gets right.

    pairs (two runs) -> questions (both orders, names hidden) -> verdicts (kept as they come) -> report

A judge is an instrument that has to be calibrated: `report` says when its figures are none that can be quoted.
"""
