"""Files of hashes are read and written in both formats, and wrong ones are refused with a message."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.hashlists import as_csv, importing, json_objects, threatexchange
from moderation.hashlists.rows import HashRow, ListNotAccepted

HASH, OTHER = "0f" * 32, "a1" * 32


def read(content: bytes | str, *, written_as: importing.Format = "csv", kind: str = "known_bad") -> list[HashRow]:
    content = content.encode() if isinstance(content, str) else content
    return list(importing.read(io.BytesIO(content), format=written_as, kind=kind))


def rows() -> st.SearchStrategy[HashRow]:
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).map(str.strip)
    return st.builds(
        HashRow,
        algorithm=st.sampled_from(["pdq", "sha256"]),
        hash=st.binary(min_size=32, max_size=32).map(bytes.hex),
        enabled=st.booleans(),
        expires_at=st.none() | st.integers(10**9, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        label=text, note=text, reference=text, who=text, why=text,
        review_state=st.sampled_from(["unconfirmed", "confirmed", "contested"]),
    )  # fmt: skip


@given(st.lists(rows(), max_size=5))
def test_rows_written_as_csv_are_read_again(written: list[HashRow]) -> None:
    assert read("".join(as_csv.write(written))) == written


@given(st.lists(rows(), max_size=5), st.sampled_from(["known_bad", "known_good"]))
def test_rows_written_as_descriptors_are_read_again(written: list[HashRow], kind: str) -> None:
    text = "".join(threatexchange.write(written, kind=kind))
    assert read(text, written_as="threatexchange", kind=kind) == written
    assert [each["raw_indicator"] for each in json.loads(text)["data"]] == [row.hash for row in written]


@pytest.mark.parametrize(
    "content",
    [
        f"algorithm,hash\npdq,{HASH}\n",
        f"\ufeffalgorithm,hash\r\npdq,{HASH}\r\n",
        f" Hash , Algorithm \n{HASH.upper()} , PDQ\n\n , \n",
        f'"algorithm","hash"\n"HASH_PDQ","{HASH}"',
    ],
)
def test_csv_as_programs_write_it_is_accepted(content: str) -> None:
    assert read(content) == [HashRow(algorithm="pdq", hash=HASH)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: found the columns nothing"),
        (f"{HASH}\n", "line 1: found the columns"),
        (f"algorithm,hash,hash\npdq,{HASH},{HASH}\n", "each once and in any order"),
        (f"algorithm,hash,colour\npdq,{HASH},red\n", "accepted are algorithm, hash, quality, enabled"),
        (f"algorithm,hash\npdq,{HASH}\nmd5,{'0' * 32}\n", "line 3: found the algorithm 'md5'; pdq and sha256 are"),
        (f"algorithm,hash\nphotodna,{HASH}\n", "such as MD5 or PhotoDNA, cannot be compared"),
        ("algorithm,hash\npdq,0f0f\n", "line 2: found a hash of 4 characters; 64 hexadecimal digits are accepted"),
        (f"algorithm,hash\nsha256,{'x' * 64}\n", "and some of these are not"),
        (f"algorithm,hash\npdq,{HASH},extra\n", "line 2: found 3 fields; 2 are accepted"),
        (f"algorithm,hash,quality\npdq,{HASH},101\n", "found the quality '101'"),
        (f"algorithm,hash,enabled\npdq,{HASH},perhaps\n", "true and false are accepted"),
        (f"algorithm,hash,expires_at\npdq,{HASH},2027-02-30\n", "found '2027-02-30' as the time of expiry"),
        (f"algorithm,hash,standing\npdq,{HASH},doubtful\n", "one of unconfirmed, confirmed, contested"),
        (f"algorithm,hash,label\npdq,{HASH},{'x' * 101}\n", "found 101 characters in label; at most 100"),
        (f'algorithm,hash,note\npdq,{HASH},"a\n\nb\0"\n', "NUL"),
        (b"algorithm,hash\npdq,\xff\n", "not text in UTF-8"),
        (f"algorithm,hash,note\npdq,{HASH},{'x' * 200_000}\n", "this is not CSV"),
    ],
)
def test_wrong_csv_is_reported_with_its_line(content: bytes | str, said: str) -> None:
    with pytest.raises(ListNotAccepted) as refused:
        read(content)
    assert said in str(refused.value)


def test_no_message_repeats_a_hash() -> None:
    with pytest.raises(ListNotAccepted) as refused:
        read(f"algorithm,hash\npdq,{HASH[:-1]}\n")
    assert HASH[:16] not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T18:00:00Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31 18:00:00.75+02:00", datetime(2027, 1, 31, 16, tzinfo=UTC)),
        ("1801418400", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("0", None),
        ("", None),
    ],
)
def test_expiry_times_are_parsed(typed: str, read_as: datetime | None) -> None:
    assert read(f"algorithm,hash,expires_at\npdq,{HASH},{typed}\n")[0].expires_at == read_as


def descriptor(**fields: Any) -> dict[str, Any]:
    return {"type": "HASH_PDQ", "raw_indicator": HASH, "status": "MALICIOUS", **fields}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"data": [descriptor()], "paging": {"cursors": {}}}),
        json.dumps([descriptor()], indent=4),
        f"{json.dumps(descriptor())}\n",
        json.dumps({"data": [{"type": "HASH_PDQ", "indicator": {"id": "1", "indicator": HASH}}]}),
        json.dumps({"signal_type": "pdq", "signal_value": HASH}),
        "\ufeff" + json.dumps([{"signal_type": "pdq", "signal_value": HASH.upper()}]),
    ],
)
def test_descriptors_and_signals_of_other_programs_are_accepted(content: str) -> None:
    assert read(content, written_as="threatexchange") == [HashRow(algorithm="pdq", hash=HASH)]


def test_the_fields_of_a_descriptor_are_kept() -> None:
    found = descriptor(
        id="4711", expire_time=1801418400, description="As shared.", tags={"data": [{"text": "a"}, {"text": "b"}]},
        confidence=90, should_delete=True,
    )  # fmt: skip
    (row,) = read(json.dumps([found]), written_as="threatexchange")
    assert (row.reference, row.note, row.label, row.enabled) == ("4711", "As shared.", "a, b", False)
    assert row.expires_at == datetime(2027, 1, 31, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "entry 1: found the algorithm ''"),
        ("[3]", "entry 1: found a value of another kind; objects are accepted"),
        (json.dumps([descriptor(), descriptor(raw_indicator="ab")]), "entry 2: found a hash of 2 characters"),
        (json.dumps([descriptor(type="HASH_MD5")]), "entry 1: found the algorithm 'HASH_MD5'"),
        (json.dumps([descriptor(description={"a": 1})]), "entry 1: note is an object"),
        (json.dumps([descriptor(status="NON_MALICIOUS")]), "for a list that is known-bad, MALICIOUS is accepted"),
        (json.dumps({"data": [descriptor()]})[:-5], "entry 1: this is not JSON, or it ends too early"),
        ('{"data": [', "entry 1: this is not JSON, or it ends too early"),
        ("no JSON", "entry 1: this is not JSON"),
        ("[" * 100_000, "entry 1: this is not JSON"),
    ],
)
def test_wrong_descriptors_are_reported_with_their_number(content: str, said: str) -> None:
    with pytest.raises(ListNotAccepted) as refused:
        read(content, written_as="threatexchange")
    assert said in str(refused.value)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_objects_are_read_across_chunks_of_any_size(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_objects, "CHUNK", chunk)
    wanted = [{"number": number, "text": "],{[\"' " * 3} for number in range(20)]
    assert list(json_objects.objects(io.StringIO(json.dumps(wanted, indent=1)))) == wanted
    assert list(json_objects.objects(io.StringIO("\n".join(map(json.dumps, wanted))))) == wanted
