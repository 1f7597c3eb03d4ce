"""The certificate of a proof: JSON for machines, a page for people. Neither holds a date or a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware_export.certificate_page import page
from firmware_export.files import json_mark, page_mark, write_file
from firmware_export.proof import Proof

FORMAT = 1
KIND = "edgenet proof"
JSON, PAGE = json_mark(KIND), page_mark(KIND)
"""What tells these files from others."""


def certificate(proof: Proof) -> dict[str, Any]:
    """The proof as JSON values, with what kind of file this is."""
    return {"format": FORMAT, "kind": KIND, **proof.to_json()}


def write_certificate(path: Path, proof: Proof) -> None:
    """Writes the JSON. Raises ExportError where it can't be written."""
    write_file(path, (json.dumps(certificate(proof), indent=2, ensure_ascii=False) + "\n").encode())


def write_page(path: Path, proof: Proof) -> None:
    """Writes the page. Raises ExportError where it can't be written."""
    write_file(path, page(proof).encode())
