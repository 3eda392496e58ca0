"""People compare what two runs say about a paper, and write down what is right.

    pairs (two runs) -> session (what one person sees and says) -> label file -> agreement, gold

`server` puts a session behind a page; nothing but it knows of HTTP.
"""
