"""Stable names of papers: the same paper gets the same id from every source and in every version."""

import hashlib
import re
import unicodedata

#: Longest id that is kept as it is.
LONGEST_ID = 256

_NEW = r"[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5}"
_OLD = r"[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}"
_NUMBER = rf"(?P<id>{_NEW}|{_OLD})(?:v[0-9]+)?"
# A whole field: the bare number, or the number after one of the prefixes that sources write.
_ARXIV = re.compile(
    rf"(?:(?i:arxiv:|oai:arxiv\.org:|(?:doi:|https?://(?:dx\.)?doi\.org/)?10\.48550/arxiv\.)\s*)?{_NUMBER}"
)
_ARXIV_URL = re.compile(
    rf"(?:https?://)?(?i:(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html|ps|format)/"
    rf"|(?:www\.)?alphaxiv\.org/abs/|(?:www\.)?huggingface\.co/papers/)"
    rf"{_NUMBER}(?:\.pdf|\.ps|/)?(?:[?#].*)?"
)
_DOI = re.compile(
    r"(?:(?i:doi:|https?://(?:dx\.|www\.)?doi\.org/|doi\.org/)\s*)?(?P<id>10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+)"
)


def stable_id(title: str, abstract: str) -> str:
    """Make an id of the text, for a paper without one: `sha256:` and 16 hexadecimal digits.

    Case, runs of white space and the Unicode form of the text make no difference.
    """
    return f"sha256:{hashlib.sha256(_plain(title, abstract).encode()).hexdigest()[:16]}"


def known_id(*, arxiv: str = "", doi: str = "", own: str = "", url: str = "") -> str | None:
    """Give the arXiv id without its version, else the DOI in lower case, else the id of the record itself.

    Every field may be empty. An id that is not printable or longer than 256 characters does not count; `None` means
    that there is none.
    """
    arxiv, doi, own, url = arxiv.strip(), doi.strip(), own.strip(), url.strip()
    found = _arxiv_id(arxiv, own, url, doi) or _doi(doi, own, url) or arxiv or own
    return found if found.isprintable() and 0 < len(found) <= LONGEST_ID else None


def _arxiv_id(*fields: str) -> str | None:
    for field in fields:
        if field and (match := _ARXIV.fullmatch(field) or _ARXIV_URL.fullmatch(field)):
            return _without_subject_class(match["id"])
    return None


def _without_subject_class(number: str) -> str:
    # arXiv itself answers to math.GT/0309136 and math/0309136 alike; the shorter is the canonical one.
    archive, slash, rest = number.partition("/")
    return archive.partition(".")[0] + slash + rest if slash else number


def _doi(*fields: str) -> str | None:
    for field in fields:
        if field and (match := _DOI.fullmatch(field)):
            return match["id"].lower()
    return None


def _plain(title: str, abstract: str) -> str:
    return "\n".join(unicodedata.normalize("NFC", " ".join(text.casefold().split())) for text in (title, abstract))
