"""The acronyms that the papers of a batch define."""

import pytest

from summarizer.errors import OutputError
from summarizer.glossary import Glossary, own_definitions
from summarizer.records import Paper, Source


def _paper(abstract: str, title: str = "A title") -> Paper:
    return Paper(id="p", title=title, abstract=abstract, source=Source(name="p.jsonl", line=1))


def test_what_one_paper_defines_the_batch_knows() -> None:
    """So that a paper that only uses the acronym gets the same tag."""
    glossary = Glossary()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    assert glossary.expand("TBN") == ("tidal", "basin", "network")
    assert glossary.expand("TBX") == ()


def test_forms_of_the_same_words_do_not_disagree() -> None:
    """Plural, case and hyphens make no other meaning."""
    glossary = Glossary()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    glossary.add(_paper("A Tidal-Basin Network (TBN) is read."))
    assert glossary.expand("TBN") == ("tidal", "basin", "network")


def test_an_acronym_with_two_meanings_stands_for_nothing() -> None:
    """Whichever came first: a wrong label is worse than none."""
    glossary = Glossary([_paper("We read tidal basin networks (TBNs)."), _paper("We read text box nodes (TBNs).")])
    assert glossary.expand("TBN") == ()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    assert glossary.expand("TBN") == ()


def test_one_paper_takes_no_meaning_away() -> None:
    """What more than twice as many papers say as all others together is what an acronym means."""
    papers = [_paper("We read tidal basin networks (TBNs).")] * 3
    assert Glossary([_paper("Text Box Nodes (TBN)"), *papers]).expand("TBN") == ("tidal", "basin", "network")


def test_a_hostile_paper_renames_nothing() -> None:
    """Neither by hundreds of definitions, nor by two letters, nor by a remark behind an acronym that all know."""
    many = " ".join(f"alpha beta {letter}eta (AB{letter})." for letter in "CDEFGHIJKLMNOPQRSTUVWXYZ")
    remark = "We test LLMs (like Llama models) and SE nets, short for silly ends (SE)."
    glossary = Glossary([_paper(many), _paper(remark)])
    assert [glossary.expand(short) for short in ("ABC", "SE", "LLM")] == [(), (), ()]
    assert own_definitions(_paper(remark), lambda _: ()) == {"SE": ("silly", "end")}


def test_the_title_defines_as_well_and_the_abstract_goes_first() -> None:
    """Of two meanings in one paper the abstract's is taken."""
    paper = _paper("We read tidal basins (TB).", "Text Boxes (TB) and Loam Nets (LN)")
    assert own_definitions(paper, lambda _: ()) == {"TB": ("tidal", "basin"), "LN": ("loam", "net")}


def test_a_long_form_is_spelled_out_with_what_was_defined_before() -> None:
    """So that a paper and the batch have the same words for a method that is named after another one."""
    paper = _paper("We train tidal basin networks (TBNs). We propose Gated TBNs (GTBNs).")
    gated = ("gated", "tidal", "basin", "network")
    assert own_definitions(paper, lambda _: ())["GTBN"] == gated
    assert Glossary([paper]).expand("GTBN") == gated


def test_a_full_disk_is_told() -> None:
    """A table that cannot be used any more is an error that says what to do."""
    glossary = Glossary()
    glossary.close()
    with pytest.raises(OutputError, match="free space, or set TMPDIR"):
        glossary.expand("TBN")
