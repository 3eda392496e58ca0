"""The fields of a paper: under which names sources keep them, and how their values become a `Paper`."""

from collections.abc import Iterable, Mapping

from summarizer.reading.identity import known_id, stable_id
from summarizer.reading.lines import half_character, invisible, presentable
from summarizer.records import Paper, Source, Unreadable

#: Names of each field in the sources, the preferred one first. Case, spaces and punctuation make no difference.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "abstract": ("abstract", "abstracttext", "paperabstract", "summary", "abstractnote", "ab", "n2"),
    "title": ("title", "papertitle", "articletitle", "displayname", "primarytitle", "ti", "t1"),
    "id": ("id", "paperid", "articleid", "uid", "pmid", "corpusid", "key"),
    "arxiv": ("arxivid", "arxiv", "eprint"),
    "doi": ("doi",),
    "url": ("url", "paperurl", "link", "entryid", "absurl", "arxivurl", "pdfurl", "ur"),
    "authors": ("authors", "author", "authornames", "authorfullnames", "au"),
    "published": (
        "published",
        "publishedat",
        "publicationdate",
        "publisheddate",
        "date",
        "publicationyear",
        "year",
        "py",
    ),
}
#: Longest `raw` of an `Unreadable`, in characters.
LONGEST_RAW = 2_000

_MOST_NAMES = 20
# What programs and catalogs write where they have no abstract: letters and digits only, in lower case.
_NO_TEXT = ("", "null", "none", "nan", "na", "notavailable", "noabstract", "noabstractavailable")
# Longest text that is compared with these, in characters.
_LONGEST_NO_TEXT = 60


class Number(str):
    """A number of a JSON text, as it was written there: the id 2407.10010 must not lose its last zero."""

    __slots__ = ()


def match_columns(names: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Say for each field in which of the named columns it is; fields that have none are left out.

    `columns` (field to column) goes before the table of aliases, and holds even when there is no such column.
    """
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault("".join(filter(str.isalnum, name.casefold())), name)
    known = {field: plain[alias] for field, aliases in ALIASES.items() for alias in reversed(aliases) if alias in plain}
    return {**known, **columns}


def advise_mapping(found: Iterable[str]) -> str:
    """List the columns that were found, and say how to name the one with the abstract."""
    names = [presentable(name[:40]) for name in found]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    shown = ", ".join(names[:_MOST_NAMES]) or "(none)"
    return f"found: {shown}{more}; name the one that holds the abstract with --map abstract=COLUMN"


def unreadable(source: Source, message: str, raw: str = "", title: str = "", known: str | None = None) -> Unreadable:
    """Report a place that holds no usable paper, under the id that is known of it, or `FILE:LINE`."""
    return Unreadable(
        id=known or f"{source.name}:{source.line}",
        title=presentable(title),
        source=source,
        kind="unreadable",
        message=_placed(source, message),
        raw=presentable(raw[:LONGEST_RAW]),
    )


def paper_from(values: Mapping[str, object], source: Source, raw: str = "") -> Paper | Unreadable:
    """Make a paper of the values of one record, by field; only `abstract` has to be there. `raw` is the record itself.

    The abstract is kept as it is, but for white space at its two ends. One that shows nothing, or says `N/A` or the
    like, is missing. The title becomes one line. What else does not fit (authors that are numbers, say) is left out: it
    is not worth the paper.
    """
    abstract, title = values["abstract"], _first_text(values.get("title"))
    known = own_id(values)
    if type(abstract) is not str and abstract is not None:
        return unreadable(source, f"the abstract is {_kind(abstract)}, not text", raw, one_line(title), known)
    if title is not None and not isinstance(title, str):
        return unreadable(source, f"the title is {_kind(title)}, not text", raw, known=known)
    abstract, title = (abstract or "").strip(), _title(title or "")
    if problem := half_character(abstract) or half_character(title):
        return unreadable(source, f"in the title or the abstract, {problem}", raw, title, known)
    if _says_nothing(abstract):
        return no_abstract(source, title, known, abstract)
    return Paper(
        id=known or stable_id(title, abstract),
        title=title,
        abstract=abstract,
        source=source,
        url=one_line(values.get("url")) or None,
        authors=_authors(values.get("authors")),
        published=one_line(values.get("published")) or None,
    )


def checked(paper: Paper) -> Paper | Unreadable:
    """Give the paper if it can be asked about and written: a program may have made it of any text."""
    words = (paper.id, paper.title, paper.abstract, paper.source.name, paper.url or "", paper.published or "")
    if problem := half_character("\n".join((*words, *paper.authors))):
        source = Source(name=presentable(paper.source.name), line=paper.source.line)
        return unreadable(source, f"in the paper, {problem}", paper.abstract, paper.title, presentable(paper.id))
    if _says_nothing(paper.abstract):
        return no_abstract(paper.source, paper.title, paper.id, paper.abstract)
    return paper


def own_id(values: Mapping[str, object]) -> str | None:
    """Give the id that a record has of its own, or `None`."""
    arxiv, doi, own, url = (one_line(values.get(field)) for field in ("arxiv", "doi", "id", "url"))
    return known_id(arxiv=arxiv, doi=doi, own=own, url=url)


def no_abstract(
    source: Source,
    title: str,
    known: str | None = None,
    instead: str = "",
    why: str = "the abstract is empty or missing",
) -> Unreadable:
    """Report a paper that has no abstract, under its id, or `FILE:LINE` when it has none; `instead` is what it has."""
    return Unreadable(
        id=known or f"{source.name}:{source.line}",
        title=title,
        source=source,
        kind="no_abstract",
        message=_placed(source, why),
        raw=presentable(instead[:LONGEST_RAW]),
    )


def one_line(value: object) -> str:
    """Collapse white space; what is no text becomes an empty text."""
    return presentable(" ".join(value.split())) if isinstance(value, str) else ""


def _first_text(value: object) -> object:
    """Take the first text of a list of texts, as Crossref keeps titles."""
    return next(iter(value), "") if isinstance(value, list) and all(isinstance(text, str) for text in value) else value


def _title(text: str) -> str:
    return "" if invisible(text) else " ".join(text.split())


def _says_nothing(abstract: str) -> bool:
    if len(abstract) > _LONGEST_NO_TEXT:
        return invisible(abstract)
    return invisible(abstract) or "".join(filter(str.isalnum, abstract.casefold())) in _NO_TEXT


def _placed(source: Source, message: str) -> str:
    return presentable(f"{source.name}, line {source.line}: {message}")


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", Number: "a number"}
    return kinds.get(type(value), "something else")


def _authors(value: object) -> tuple[str, ...]:
    """Read a list of names or of objects that hold one, or one text with semicolons between the names."""
    found = value.split(";") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(name for name in map(_author, found) if name)


def _author(value: object) -> str:
    if not isinstance(value, dict):
        return one_line(value)
    parts = (value.get("given"), value.get("family"))
    return one_line(value.get("name")) or one_line(value.get("literal")) or " ".join(filter(None, map(one_line, parts)))
