"""Makes a class-data archive: one run of a throw-away broker, packed into one zip."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path

from provisioner.artifacts import throwaway
from provisioner.artifacts.cache import Cache, hash_of
from provisioner.artifacts.model import Blob, Distribution
from provisioner.errors import ProvisionError

BASE, TOP = "base.jsa", "kafka.jsa"
ZIP_DATE = (2000, 1, 1, 0, 0, 0)
FAILURES = (OSError, ProvisionError, subprocess.SubprocessError, throwaway.NotUp)
"""All that can go wrong here; it only costs the speed."""


def record(
    cache: Cache, kafka: Distribution, java: Distribution, mode: str, name: str, folder: Path
) -> Path:
    """Runs the throw-away broker in ``folder``; returns a zip of both archives, deflated.

    ``name`` is the archive's own folder below ``.provision/dist`` of a Kafka home.
    """
    run = folder / "home"
    dist = Path(".provision", "dist")
    throwaway.unpack(cache, java, run / dist / java.folder)
    throwaway.unpack(cache, kafka, run / dist / kafka.folder)
    home = throwaway.Home(run, dist / java.folder, dist / kafka.folder)
    made = dist / name
    place = run / made
    place.mkdir()
    # An archive keeps the paths of the jars, and of the archive it builds on, as they are given
    # here, and Java wants to find them there whatever it is told later. So they are given relative
    # to the home, which is the working directory of every broker.
    base = f"-XX:SharedArchiveFile={made / BASE}"
    home.java(["-Xshare:dump", base, "-Xlog:disable"])
    flags = [base, f"-XX:ArchiveClassesAtExit={place / TOP}", "-Xlog:disable"]
    throwaway.broker(home, mode, flags)
    if not (place / TOP).is_file():
        raise throwaway.NotUp("the broker ended without writing its archive")
    packed = folder / "cds.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in (place / BASE, place / TOP):
            archive.writestr(_info(path.name), path.read_bytes())
    return packed


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    return info


def keep(cache: Cache, packed: Path, origin: str) -> str:
    """Puts the zip into the cache; returns the note (JSON) of what it is and holds."""
    with zipfile.ZipFile(packed) as archive:
        files = {
            name: [archive.getinfo(name).file_size, hashlib.sha256(archive.read(name)).hexdigest()]
            for name in (BASE, TOP)
        }
    with packed.open("rb") as stream:
        blob = Blob("cds.zip", packed.stat().st_size, hash_of(stream), origin)
    cache.put(blob, packed)
    record = {"size": blob.size, "sha256": blob.sha256, "files": files}
    return json.dumps(record, indent=1) + "\n"
