"""Does a metric deserve belief? Its agreement with what people said about the same texts.

Labels of people become judged texts (`judged`), these get the values of all metrics and the agreement of each
(`belief`, `agreement`), and what was found of a metric is its passport (`passports`).
"""
