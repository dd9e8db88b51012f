"""Measure a classifier's speed and memory on this machine, in a fresh process for each number of threads."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

from moderation.inference.manifest import Manifest
from moderation.inference.providers import CPU, PROVIDERS

BATCHES = range(1, 9)
#: Calls are timed for each batch until both are reached: a number of calls, and seconds.
_LEAST_CALLS, _LEAST_SECONDS = 3, 0.1


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds for one image with this number of threads and batch size: the median call / ``batch``."""

    threads: int
    batch: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Speeds of a classifier, and its peak memory.

    Attributes:
        memory_mb: megabytes that it adds to a process with one thread, at the largest batch.
    """

    speeds: list[Speed]
    memory_mb: float


def thread_counts() -> list[int]:
    """Return 1, 2, 4, ... and the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({cores, *(1 << power for power in range(cores.bit_length()) if 1 << power <= cores)})


def measure(path: Path, *, manifest: Manifest, batches: Sequence[int] = BATCHES, provider: str = CPU) -> Measurement:
    """Time the network alone, without decoding, for every batch size and number of threads."""
    speeds, memory = [], 0.0
    for threads in thread_counts():
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found, added = pool.submit(_measure_in_child, path, manifest, threads, list(batches), provider).result()
        speeds += found
        memory = memory or added  # the first is of one thread, as in the pre-screen
    return Measurement(speeds, memory)


def _measure_in_child(
    path: Path, manifest: Manifest, threads: int, batches: list[int], provider: str
) -> tuple[list[Speed], float]:
    before = _peak_mb()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=[PROVIDERS[provider]])
    speeds = [Speed(threads, batch, _milliseconds(session, manifest=manifest, batch=batch)) for batch in batches]
    return speeds, _peak_mb() - before


def _milliseconds(session: onnxruntime.InferenceSession, *, manifest: Manifest, batch: int) -> float:
    width, height = manifest.size
    shape = (batch, 3, height, width) if manifest.layout == "NCHW" else (batch, height, width, 3)
    feed = {manifest.input: np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)}
    session.run(None, feed)
    calls: list[float] = []
    while len(calls) < _LEAST_CALLS or sum(calls) < _LEAST_SECONDS:
        start = time.perf_counter()
        session.run(None, feed)
        calls.append(time.perf_counter() - start)
    return round(1000 * median(calls) / batch, 3)


def _peak_mb() -> float:
    """Return the peak resident memory of this process in megabytes.

    On Linux from /proc, because getrusage includes the peak of the parent before it started this process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
