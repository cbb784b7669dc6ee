"""What a command did to a disk, recorded by strace: a list of operations that `disk_model` replays."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.battery import strace
from tools.battery.fork import Child

CALLS = (
    *("openat", "mkdir", "rename", "unlink", "write", "pwrite64", "ftruncate", "truncate", "lseek"),
    *("fsync", "fdatasync"),
)
MAX_BYTES = 1 << 20  # of one write
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Create:
    """A new, empty file at a path."""

    path: str
    file: int


@dataclass(frozen=True)
class Write:
    """Bytes written at an offset."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Resize:
    """A new size of a file."""

    file: int
    size: int


@dataclass(frozen=True)
class Rename:
    """A file that gets another path and replaces what was there."""

    path: str
    target: str


@dataclass(frozen=True)
class Unlink:
    """A file that lost its path."""

    path: str


@dataclass(frozen=True)
class Sync:
    """A file, by number, or a folder, by path, that reached the disk."""

    what: int | str


Operation = Create | Write | Resize | Rename | Unlink | Sync


@dataclass
class _Handle:
    """An open file: its number, position, and whether it appends."""

    file: int
    position: int
    appends: bool


class DiskLog:
    """The operations of a command in one folder; files are numbered, those that exist at first by path."""

    def __init__(self, folder: Path) -> None:
        """Read the folder and give each file a number."""
        self.folder = folder
        paths = sorted(str(path) for path in folder.rglob("*") if path.is_file())
        self.files = {path: number for number, path in enumerate(paths)}
        self.contents = {number: Path(path).read_bytes() for path, number in self.files.items()}
        self.operations: list[Operation] = []
        self._paths = dict(self.files)
        self._sizes = {number: len(content) for number, content in self.contents.items()}
        self._handles: dict[int, _Handle | str | None] = {}

    def record(self, child: Child, log: Path) -> None:
        """Let a child run to its end and record what it does."""
        options = ("-e", f"trace={','.join(CALLS)}", "--strings-in-hex=all", "-s", str(MAX_BYTES))
        ended = strace.trace(child, log, *options)
        if ended.code != 0:
            raise RuntimeError(f"the command ends with {ended.code}: {ended.messages}")
        for line in log.read_text().splitlines():
            if match := LINE.match(line):
                call, arguments, result = match.groups()
                self.operations.extend(self._read(call, arguments, int(result)))

    def _read(self, call: str, arguments: str, result: int) -> Iterator[Operation]:
        """Yield the operations of one call that succeeded."""
        strings = [bytes.fromhex(text.replace("\\x", "")) for text in STRING.findall(arguments)]
        if call == "openat":
            yield from self._open(strings[0].decode(), arguments, result)
        elif call in ("rename", "unlink", "truncate"):
            yield from self._change_path(call, [text.decode() for text in strings], arguments)
        elif call != "mkdir":
            yield from self._change_file(call, arguments, strings, result)

    def _open(self, path: str, flags: str, descriptor: int) -> Iterator[Operation]:
        self._handles[descriptor] = None
        if not Path(path).is_relative_to(self.folder):
            return
        if path not in self._paths:
            if "O_CREAT" not in flags:
                self._handles[descriptor] = path  # a folder
                return
            number = len(self._sizes)
            self._paths[path], self._sizes[number] = number, 0
            yield Create(path, number)
        number = self._paths[path]
        self._handles[descriptor] = _Handle(number, 0, "O_APPEND" in flags)
        if "O_TRUNC" in flags and self._sizes[number]:
            self._sizes[number] = 0
            yield Resize(number, 0)

    def _change_path(self, call: str, paths: list[str], arguments: str) -> Iterator[Operation]:
        if paths[0] not in self._paths:
            return
        if call == "truncate":
            yield self._resize(self._paths[paths[0]], int(arguments.rpartition(",")[2]))
            return
        number = self._paths.pop(paths[0])
        if call == "rename":
            self._paths[paths[1]] = number
            yield Rename(paths[0], paths[1])
        else:
            yield Unlink(paths[0])

    def _change_file(
        self, call: str, arguments: str, strings: list[bytes], result: int
    ) -> Iterator[Operation]:
        handle = self._handles.get(int(arguments.partition("<")[0]))
        if handle is None:
            return
        if call in ("fsync", "fdatasync"):
            yield Sync(handle if isinstance(handle, str) else handle.file)
        elif isinstance(handle, str):
            return
        elif call == "lseek":
            handle.position = result
        elif call == "ftruncate":
            yield self._resize(handle.file, int(arguments.rpartition(",")[2]))
        else:
            yield self._write(handle, call, arguments, strings[0][:result])

    def _resize(self, number: int, size: int) -> Resize:
        self._sizes[number] = size
        return Resize(number, size)

    def _write(self, handle: _Handle, call: str, arguments: str, data: bytes) -> Write:
        if call == "pwrite64":
            offset = int(arguments.rpartition(",")[2])
        else:
            offset = self._sizes[handle.file] if handle.appends else handle.position
            handle.position = offset + len(data)
        self._sizes[handle.file] = max(self._sizes[handle.file], offset + len(data))
        return Write(handle.file, offset, data)
