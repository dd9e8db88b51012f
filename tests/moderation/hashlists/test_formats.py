"""Files of hashes are read and written in both formats, and wrong ones are refused with a message."""

import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.hashlists import as_csv, importing, json_objects, threatexchange
from moderation.hashlists.rows import HashRow, ListNotAccepted
from moderation.models import HashEntry

HASH, OTHER = "0f" * 32, "a1" * 32


def read(content: bytes | str, *, written_as: importing.Format = "csv", kind: str = "known_bad") -> list[HashRow]:
    content = content.encode() if isinstance(content, str) else content
    return list(importing.read(io.BytesIO(content), format=written_as, kind=kind))


def rows() -> st.SearchStrategy[HashRow]:
    return st.sampled_from(list(HashEntry.DIGITS)).flatmap(rows_of)


def rows_of(algorithm: str) -> st.SearchStrategy[HashRow]:
    size = HashEntry.DIGITS[algorithm] // 2
    hashed = {"algorithm": st.just(algorithm), "hash": st.binary(min_size=size, max_size=size).map(bytes.hex)}
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).map(str.strip)
    return st.builds(
        HashRow,
        enabled=st.booleans(),
        expires_at=st.none() | st.integers(10**9, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        label=text, note=text, reference=text, who=text, why=text,
        standing=st.sampled_from(["unconfirmed", "confirmed", "contested"]),
        **hashed,
    )  # fmt: skip


@given(st.lists(rows(), max_size=5))
def test_rows_written_as_csv_are_read_again(written: list[HashRow]) -> None:
    assert read("".join(as_csv.write(written))) == written


@given(st.lists(rows(), max_size=5), st.sampled_from(["known_bad", "known_good"]))
def test_rows_written_as_descriptors_are_read_again(written: list[HashRow], kind: str) -> None:
    if kind == "known_good":
        written = [row for row in written if row.algorithm not in HashEntry.FORGEABLE]
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
        ("one,two\n", "line 1: found the columns one, two"),
        (f"{HASH}\n", "line 1: found a hash of 64 characters and no algorithm; pdq and sha256 have as many digits"),
        (f"{HASH[:20]}\n", "no accepted algorithm has as many digits"),
        (f"algorithm,hash\n,{HASH}\n", "line 2: found no algorithm; pdq, sha256, md5 and sha1 are accepted"),
        (f"algorithm,hash,hash\npdq,{HASH},{HASH}\n", "each once and in any order"),
        (f"algorithm,hash,colour\npdq,{HASH},red\n", "accepted are algorithm, hash, quality, enabled"),
        (f"algorithm,hash\nphotodna,{HASH}\n", "compared with none of the rows: PhotoDNA (photodna). Accepted are pdq"),
        ("algorithm,hash\npdq,0f0f\n", "line 2: found a hash of 4 characters; 64 hexadecimal digits are accepted"),
        (f"algorithm,hash\nmd5,{HASH}\n", "line 2: found a hash of 64 characters; 32 hexadecimal digits are accepted"),
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


def may_be_a_hash() -> st.SearchStrategy[str]:
    return st.text("0123456789abcdefABCDEF", min_size=16, max_size=80)


@given(may_be_a_hash(), may_be_a_hash(), st.text(',;\t\n"{}[]:x', max_size=5), st.sampled_from(importing.FORMATS))
@example("0" * 60, "1" * 64, ",", "csv")
@example("0" * 60, "1" * 64, "\n", "csv")
def test_no_message_repeats_what_may_be_a_hash(
    one: str, other: str, between: str, written_as: importing.Format
) -> None:
    for content in (
        one + between + other,
        f"algorithm,hash\n{one},{other}\npdq,{one}{between}\n",
        f"algorithm,hash,quality,standing,expires_at,enabled\npdq,{HASH},{one},{other},{one},{other}\n",
        json.dumps([{one: other, "type": "pdq"}, {"type": one, "signal_value": other, "status": one}, one]),
        json.dumps([{"type": "HASH_PDQ", "raw_indicator": one, "second_look": {"quality": other}}]),
    ):
        reader = importing.read(io.BytesIO(content.encode()), format=written_as, kind="known_bad")
        try:
            said = str([row.hash for row in reader] and "")
        except ListNotAccepted as refused:
            said = str(refused)
        assert not re.search("[0-9a-fA-F]{16}", said + " ".join(reader.left_out))


def test_at_most_twenty_wrong_rows_are_named() -> None:
    with pytest.raises(ListNotAccepted) as refused:
        read("algorithm,hash\n" + f"pdq,{HASH}\n" + "pdq,ab\n" * 1_234)
    lines = str(refused.value).splitlines()
    assert lines[0] == "1,234 rows are wrong:"
    assert lines[1].startswith("line 3: found a hash of 2 characters")
    assert (len(lines), lines[-1]) == (22, "and 1,214 more")


@pytest.mark.parametrize(
    ("content", "algorithm", "found"),
    [
        (f"{HASH}\n{OTHER}\n", "pdq", [("pdq", HASH), ("pdq", OTHER)]),
        (f"{HASH.upper()}\r\n\r\n", "sha256", [("sha256", HASH)]),
        (f"{HASH[:32]}\n{HASH[:40]}\n", "", [("md5", HASH[:32]), ("sha1", HASH[:40])]),
        (f"hash,label\n{HASH},spam\n", "pdq", [("pdq", HASH)]),
    ],
)
def test_bare_hashes_are_read(content: str, algorithm: str, found: list[tuple[str, str]]) -> None:
    reader = importing.read(io.BytesIO(content.encode()), format="csv", kind="known_bad", algorithm=algorithm)
    assert [row.key for row in reader] == found


@pytest.mark.parametrize(
    "content",
    [
        f"algorithm;hash\npdq;{HASH}\n".encode(),
        f"algorithm\thash\r\npdq\t{HASH}\r\n".encode("utf-16"),
        b"\xfe\xff" + f"algorithm,hash\npdq,{HASH}\n".encode("utf-16-be"),
    ],
)
def test_files_of_spreadsheets_are_read(content: bytes) -> None:
    assert read(content) == [HashRow(algorithm="pdq", hash=HASH)]


def left_out(content: str, *, written_as: importing.Format = "csv", kind: str = "known_bad") -> dict[str, int]:
    reader = importing.read(io.BytesIO(content.encode()), format=written_as, kind=kind)
    assert list(reader), "some rows are taken"
    return dict(reader.left_out)


def test_rows_of_other_kinds_are_left_out_and_counted() -> None:
    others = "".join(f"{kind},{HASH}\n" for kind in ("tmk", "HASH_TMK", "vpdq", "photodna", "uri", "new-kind"))
    assert left_out(f"algorithm,hash\npdq,{HASH}\n{others}") == {
        "video (tmk)": 1, "video (hash_tmk)": 1, "video (vpdq)": 1, "PhotoDNA (photodna)": 1, "address (uri)": 1,
        "unknown kind (new-kind)": 1,
    }  # fmt: skip


def test_reasons_are_counted_apart_up_to_a_limit() -> None:
    others = "".join(f"kind-{number},{HASH}\n" for number in range(500))
    found = left_out(f"algorithm,hash\npdq,{HASH}\n{others}")
    assert (len(found), found["other reasons"]) == (21, 480)


@pytest.mark.parametrize(("kind", "status"), [("known_bad", "NON_MALICIOUS"), ("known_good", "MALICIOUS")])
def test_descriptors_with_another_status_are_left_out_and_counted(kind: str, status: str) -> None:
    content = json.dumps([descriptor(), descriptor(status="NON_MALICIOUS"), descriptor(status="UNKNOWN")])
    assert left_out(content, written_as="threatexchange", kind=kind) == {f"status {status}": 1, "status UNKNOWN": 1}


def test_a_known_good_list_takes_no_hash_that_can_be_forged() -> None:
    content = f"algorithm,hash\nsha256,{HASH}\nmd5,{HASH[:32]}\nsha1,{HASH[:40]}\n"
    assert list(left_out(content, kind="known_good").values()) == [1, 1]
    assert left_out(content, kind="known_bad") == {}


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
        json.dumps({"data": [{"indicator": {"indicator": HASH, "type": "HASH_PDQ"}, "status": "MALICIOUS"}]}),
        json.dumps({"td_indicator_type": "HASH_PDQ", "td_raw_indicator": HASH, "td_status": "MALICIOUS"}),
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
        ("{}", "entry 1: found the keys none; one of type, signal_type, td_indicator_type is required"),
        ('{"colour": 1, "type": "pdq"}', "entry 1: found the keys colour, type; one of raw_indicator, indicator,"),
        ("[3]", "entry 1: found a value of another kind; objects are accepted"),
        (json.dumps([descriptor(), descriptor(raw_indicator="ab")]), "entry 2: found a hash of 2 characters"),
        (json.dumps([descriptor(type="HASH_MD5")]), "entry 1: found a hash of 64 characters; 32 hexadecimal digits"),
        (json.dumps([descriptor(type="HASH_TMK")]), "compared with none of the rows: video (hash_tmk)"),
        (json.dumps([descriptor(description={"a": 1})]), "entry 1: note is an object"),
        (json.dumps([descriptor(status="NON_MALICIOUS")]), "compared with none of the rows: status NON_MALICIOUS"),
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
