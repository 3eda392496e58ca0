"""The report of evaluations: what the files of runs say, as one page for people and as Markdown for a pull request.

    folders -> side_by_side (figures) -> papers (what was said of each) -> html, markdown

Nothing is measured here that is not in the files, and the same files give the same bytes.
"""
