"""What looking a picture up costs among 10,000 and among 1,000,000 others, and whether all near ones are found.

Hashes are drawn so that their bits go together as those of the photographs do: each is the sign of 256 normal numbers
with the correlations of the bits of the photographs' crops. Look-ups among few and among many take turns, in two
databases on one server, so that a busy machine slows both. Half of what is asked has a near one, all bits of the radius
away; the pages that a look-up touches don't depend on the machine at all.

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
from moderation.decoding.child.pdq import pdq_hash
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
    parser.add_argument("--images", type=Path, default=Path("demo"), help="photographs whose bits are imitated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the database may lie")
    return parser.parse_args()


def correlations(folder: Path, chance: np.random.Generator) -> NDArray[np.float32]:
    """What mixes independent normal numbers so that their signs go together as the photographs' bits do."""
    found = np.array([bits_of(pdq_hash(crop).pdq) for path in photographs(folder) for crop in crops(path, chance)])
    signs = np.where(found, 1.0, -1.0)
    together = np.sin(np.pi / 2 * (signs.T @ signs) / len(signs))
    values, vectors = np.linalg.eigh(together)
    mixing: NDArray[np.float32] = (vectors * np.sqrt(np.clip(values, 1e-6, None))).astype(np.float32)
    return mixing


def photographs(folder: Path) -> list[Path]:
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
    import django  # noqa: PLC0415 (the database is started first)

    os.environ |= {"DATABASE_URL": url, "DATA_DIR": data, "SECRET_KEY": "for a benchmark " * 4}
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    django.setup()


def fill(alias: str, stored: list[bytes]) -> list[bytes]:
    """A database of its own, in which each of ``stored`` is the hash of a file that stands for itself."""
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
    """Hashes alone are looked up: no row for each file they would belong to."""
    keys = "conrelid = 'moderation_fingerprint'::regclass AND contype = 'f'"
    cursor.execute(f"SELECT conname FROM pg_constraint WHERE {keys}")
    for (name,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE moderation_fingerprint DROP CONSTRAINT "{name}"')


def drop_indexes(cursor: Any) -> list[str]:
    """What makes them again, once all rows are there."""
    cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'fingerprint_key_%'")
    found = dict(cursor.fetchall())
    for name in found:
        cursor.execute(f"DROP INDEX {name}")
    return list(found.values())


def look_up(
    size: int, stored: list[bytes], mixing: NDArray[np.float32], chance: np.random.Generator
) -> dict[str, float]:
    """Milliseconds and pages of one look-up, many at once as the pre-screen asks, and the share that was found."""
    from moderation.models import Fingerprint  # noqa: PLC0415

    origins = [int(place) for place in chance.integers(len(stored), size=AT_ONCE // 2)]
    near = [changed(stored[place], chance) for place in origins]
    asked = [*near, *hashes(AT_ONCE // 2, mixing, chance)]
    started = time.perf_counter()
    found = Fingerprint.near(asked, using=f"hashes_{size}")
    took = (time.perf_counter() - started) / AT_ONCE
    hits = {(each.query, each.pk) for each in found}
    return {
        "ms": 1000 * took,
        "pages": pages(asked, using=f"hashes_{size}") / AT_ONCE,
        "recall": statistics.mean((number, place) in hits for number, place in enumerate(origins)),
    }


def changed(pdq: bytes, chance: np.random.Generator) -> bytes:
    places = chance.choice(BITS, size=RADIUS, replace=False)
    return (int.from_bytes(pdq) ^ sum(1 << int(place) for place in places)).to_bytes(BITS // 8)


def pages(asked: list[bytes], *, using: str) -> int:
    """How many pages the query reads, from memory or not."""
    from django.db import connections  # noqa: PLC0415

    from moderation.models import Fingerprint  # noqa: PLC0415

    with connections[using].cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + Fingerprint.near_sql(), Fingerprint.near_parameters(asked)
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
