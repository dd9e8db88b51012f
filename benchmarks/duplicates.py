"""Measure near-duplicate look-ups among 10,000 and among 1,000,000 hashes: time, pages read, and recall.

The hashes are drawn so that their bits are correlated as those of real photos are: each hash holds the signs of 256
normal numbers with the correlations of the bits of the photos' crops. Look-ups in the small and in the large database
take turns on one server, so that a busy machine slows both. Half of the queries have a match at exactly the radius.
The number of pages that a look-up reads does not depend on the machine.

python -m benchmarks.duplicates [--images demo] [--sizes 10000 1000000] [--folder FOLDER]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localpg import Cluster
from moderation.decoding.child.pdq import scaled_pdq_hash
from moderation.decoding.fingerprints import BITS, RADIUS, WORDS, keys

CROPS, AT_ONCE, ROUNDS, STEP = 25, 64, 12, 50_000
Bits = NDArray[np.bool_]


def main() -> None:
    options = parse()
    chance = np.random.default_rng(1)
    mixing = correlations(options.images, chance)
    with Cluster.throwaway(options.folder) as cluster, tempfile.TemporaryDirectory(dir=options.folder) as data:
        set_up(cluster.url(), data=data)
        stored = {size: fill(f"hashes_{size}", hashes(size, mixing, chance)) for size in options.sizes}
        rounds = [{size: look_up(size, stored[size], mixing, chance) for size in stored} for _ in range(ROUNDS)]
        report(rounds, sizes=options.sizes)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"), help="photos whose correlations are copied")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the folder of the database")
    return parser.parse_args()


def correlations(folder: Path, chance: np.random.Generator) -> NDArray[np.float32]:
    """Return the matrix that gives independent normal numbers the correlations of the photos' bits."""
    found = np.array([bits_of(scaled_pdq_hash(crop).pdq) for path in photos_in(folder) for crop in crops(path, chance)])
    signs = np.where(found, 1.0, -1.0)
    together = np.sin(np.pi / 2 * (signs.T @ signs) / len(signs))
    values, vectors = np.linalg.eigh(together)
    mixing: NDArray[np.float32] = (vectors * np.sqrt(np.clip(values, 1e-6, None))).astype(np.float32)
    return mixing


def photos_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


def crops(path: Path, chance: np.random.Generator) -> Iterator[Image.Image]:
    with Image.open(path) as image:
        picture = image.convert("L")
    for share in chance.uniform(0.4, 1.0, CROPS):
        width, height = int(picture.width * share), int(picture.height * share)
        left, top = chance.integers(picture.width - width + 1), chance.integers(picture.height - height + 1)
        yield picture.crop((left, top, left + width, top + height))


def bits_of(pdq: bytes) -> Bits:
    return np.unpackbits(np.frombuffer(pdq, dtype=np.uint8)).astype(bool)


def hashes(count: int, mixing: NDArray[np.float32], chance: np.random.Generator) -> list[bytes]:
    drawn = []
    for start in range(0, count, STEP):
        values = chance.standard_normal((min(STEP, count - start), BITS), dtype=np.float32) @ mixing.T
        drawn += [row.tobytes() for row in np.packbits(values > np.median(values, axis=1, keepdims=True), axis=1)]
    return drawn


def set_up(url: str, *, data: str) -> None:
    """Set Django up for the database at ``url``, with ``data`` as its data folder."""
    import django  # noqa: PLC0415 (the database is started first)

    os.environ |= {"DATABASE_URL": url, "DATA_DIR": data, "SECRET_KEY": "for a benchmark " * 4}
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    django.setup()


def fill(alias: str, stored: list[bytes]) -> list[bytes]:
    """Create the database ``alias``, in which each of ``stored`` is the hash of a file in a cluster of its own."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection, connections  # noqa: PLC0415

    connection.cursor().execute(f"CREATE DATABASE {alias}")
    connections.settings[alias] = {**connection.settings_dict, "NAME": alias}
    call_command("migrate", database=alias, verbosity=0)
    started = time.monotonic()
    with connections[alias].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        do_without_files(cursor)
        indexes = drop_indexes(cursor)
        names = "file_id, cluster_id, quality, pdq, keys"
        with cursor.copy(f"COPY moderation_fingerprint ({names}) FROM STDIN") as copy:
            for number, pdq in enumerate(stored):
                copy.write_row((number, number, 100, f"{int.from_bytes(pdq):0{BITS}b}", keys(pdq)))
        for definition in indexes:
            cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE moderation_fingerprint")
        sizes = "pg_indexes_size('moderation_fingerprint') / 1e6, pg_table_size('moderation_fingerprint') / 1e6"
        cursor.execute(f"SELECT {sizes}")
        print("{:,} hashes: filled in {:.0f} s, indexes {:.0f} MB, table {:.0f} MB".format(
            len(stored), time.monotonic() - started, *cursor.fetchone()), flush=True)  # fmt: skip
    return stored


def do_without_files(cursor: Any) -> None:
    """Drop the foreign keys of the fingerprints: look-ups read hashes only, so no file needs a row."""
    keys = "conrelid = 'moderation_fingerprint'::regclass AND contype = 'f'"
    cursor.execute(f"SELECT conname FROM pg_constraint WHERE {keys}")
    for (name,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE moderation_fingerprint DROP CONSTRAINT "{name}"')


def drop_indexes(cursor: Any) -> list[str]:
    """Drop the indexes over the keys; return the statements that create them again once all rows are written."""
    cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'fingerprint_key_%'")
    found = dict(cursor.fetchall())
    for name in found:
        cursor.execute(f"DROP INDEX {name}")
    return list(found.values())


def look_up(
    size: int, stored: list[bytes], mixing: NDArray[np.float32], chance: np.random.Generator
) -> dict[str, float]:
    """Return the milliseconds and pages of one look-up, in batches as the pre-screen makes them, and the recall."""
    from moderation.models import Fingerprint  # noqa: PLC0415

    origins = [int(place) for place in chance.integers(len(stored), size=AT_ONCE // 2)]
    near = [changed(stored[place], chance) for place in origins]
    queries = [*near, *hashes(AT_ONCE // 2, mixing, chance)]
    started = time.perf_counter()
    found = Fingerprint.near(queries, using=f"hashes_{size}")
    took = (time.perf_counter() - started) / AT_ONCE
    hits = {(each.query, each.pk) for each in found}
    return {
        "ms": 1000 * took,
        "pages": pages(queries, using=f"hashes_{size}") / AT_ONCE,
        "recall": statistics.mean((number, place) in hits for number, place in enumerate(origins)),
    }


def changed(pdq: bytes, chance: np.random.Generator) -> bytes:
    """Return the hash with as many bits flipped as the radius allows."""
    places = chance.choice(BITS, size=RADIUS, replace=False)
    return (int.from_bytes(pdq) ^ sum(1 << int(place) for place in places)).to_bytes(BITS // 8)


def pages(queries: list[bytes], *, using: str) -> int:
    """Return how many pages the query reads, from memory or from disk."""
    from django.db import connections  # noqa: PLC0415

    from moderation.models import Fingerprint  # noqa: PLC0415

    with connections[using].cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + Fingerprint.near_sql(), Fingerprint.near_parameters(queries)
        )
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def report(rounds: list[dict[int, dict[str, float]]], *, sizes: list[int]) -> None:
    print(f"radius {RADIUS} bits, {WORDS} words, {AT_ONCE} look-ups at once, {len(rounds)} rounds")
    for size in sizes:
        middle = {name: statistics.median(each[size][name] for each in rounds) for name in ("ms", "pages")}
        recall = statistics.mean(each[size]["recall"] for each in rounds)
        print(f"among {size:>9,}: {middle['ms']:.2f} ms, {middle['pages']:.0f} pages, {recall:.1%} found")
    few, many = min(sizes), max(sizes)
    for name in ("ms", "pages"):
        print(f"{name}: {statistics.median(each[many][name] / each[few][name] for each in rounds):.2f} times")


if __name__ == "__main__":
    main()
