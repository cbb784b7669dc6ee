"""The command `edgecl-export noise-bank`."""

from pathlib import Path
from typing import Annotated

import typer

from edgecl.errors import ExportError

from .make import make_noise_bank


def noise_bank_command(
    recordings: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder of recorded backgrounds.")
    ],
    out: Annotated[Path, typer.Option(help="File to write (.opus); it must not exist.")],
) -> None:
    """Make background noise for augmented copies: textures like those recordings, and synthetic talkers.

    No recording is in the file. Needs espeak-ng.

    Example: edgecl-export noise-bank --recordings backgrounds --out noise_bank.opus
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another file with --out, or remove it")
    data = make_noise_bank(recordings)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    print(f"wrote {out}: {len(data) / 1e6:.1f} MB")
