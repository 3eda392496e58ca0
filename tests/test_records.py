"""The published contract."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from summarizer.records import Evidence, Record, Source, Tokens, first_problem, record_schema

_SCHEMA = Path(__file__).parent.parent / "docs" / "record.schema.json"


def test_published_schema_is_current() -> None:
    """`docs/record.schema.json` is what the models say; `make schema` writes it anew."""
    assert json.loads(_SCHEMA.read_text(encoding="utf-8")) == record_schema()


def test_record_survives_a_round_trip() -> None:
    """A record written as JSON and read back is the same record."""
    record = Record(id="a", title="\u2028 <T>", abstract="x\x00y 😀", source=Source(name="f", line=1), status="failed")
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_records_are_closed_and_frozen() -> None:
    """An unknown field is refused, and a field cannot be changed afterwards."""
    evidence = Evidence(quote="a", match="absent")
    with pytest.raises(ValidationError):
        Evidence.model_validate({"quote": "a", "match": "absent", "colour": "red"})
    with pytest.raises(ValidationError):
        evidence.quote = "b"


def test_every_kind_of_token_is_added() -> None:
    """The sum of two rounds has the sum of each kind, also of kinds that come later; nothing added changes nothing."""
    one = Tokens(**{name: 10**number for number, name in enumerate(Tokens.model_fields)})
    assert (one + one).model_dump() == {name: 2 * count for name, count in one.model_dump().items()}
    assert one + Tokens() == one


def test_records_of_before_have_no_such_tokens() -> None:
    """A record that was written when only two kinds were counted can be read, and has none of the others."""
    assert Tokens.model_validate({"prompt": 3, "completion": 4}) == Tokens(prompt=3, completion=4)


def test_a_problem_is_told_without_what_was_given() -> None:
    """The place and the reason, or a word for the whole; never the value, which may be long or hold a key."""
    with pytest.raises(ValidationError) as part:
        Record.model_validate({"id": "a", "title": "", "abstract": "", "status": "failed", "source": {"name": 7}})
    assert first_problem(part.value, "line") == "source.name: Input should be a valid string"
    with pytest.raises(ValidationError) as whole:
        Evidence.model_validate_json("secret {")
    assert first_problem(whole.value, "line").startswith("line: Invalid JSON")
    assert "secret" not in first_problem(whole.value, "line")
