#!/usr/bin/env python3
"""Checks vectors of the hash with an implementation of RFC 8785 that is not ours.

    check.py [FILE ...]

Each FILE is JSON: {"accepted": [{"name", "input", "canonical", "hash"}, ...], ...}. Without one, the
committed vectors are checked. The implementation comes from PyPI, pinned in requirements.txt, into a
virtual environment in $TRIPTYCH_CACHE (default ~/.cache/triptych). Exit code 1: a vector differs.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


def environment() -> Path:
    """A virtual environment with the pinned implementation, made once per set of pins."""
    cache = Path(os.environ.get("TRIPTYCH_CACHE") or Path.home() / ".cache" / "triptych")
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache / "independent" / f"canonical-json-{pins}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        subprocess.run(install, check=True)
        (folder / "complete").touch()
    return python


def differences(path: Path) -> list[str]:
    import rfc8785

    found = []
    vectors = json.loads(path.read_text(encoding="utf-8"))["accepted"]
    if not vectors:
        found.append(f"{path}: no vectors")
    for vector in vectors:
        canonical = rfc8785.dumps(json.loads(vector["input"]))
        digest = hashlib.sha256(canonical).hexdigest()
        if canonical != vector["canonical"].encode("utf-8"):
            found.append(f"{vector['name']}: canonical form is {canonical!r}")
        if digest != vector["hash"]:
            found.append(f"{vector['name']}: hash is {digest}")
    print(f"{path.name}: {len(vectors)} vectors checked with rfc8785 from PyPI, {len(found)} differ")
    return found


def main() -> int:
    if os.environ.get("TRIPTYCH_VECTORS_INSIDE") != "1":
        python = environment()
        inside = dict(os.environ, TRIPTYCH_VECTORS_INSIDE="1")
        return subprocess.run([python, __file__, *sys.argv[1:]], env=inside, check=False).returncode
    paths = [Path(name) for name in sys.argv[1:]] or [HERE / "hash.json"]
    found = [line for path in paths for line in differences(path)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
