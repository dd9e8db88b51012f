"""Make renames durable across a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Write the names in `folder` to the disk, which a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
