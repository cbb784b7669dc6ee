"""The word list, the participles and the exceptions, from `rules.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True)
class Exemption:
    """A literal text that is passed over in some files."""

    text: str
    where: list[str]

    def covers(self, file: PurePosixPath) -> bool:
        """Return whether a file, relative to the repository, is among those meant."""
        return any(
            glob == "**" or file.match(glob) or file.is_relative_to(glob.removesuffix("/**"))
            for glob in self.where
        )


@dataclass(frozen=True)
class Rules:
    """Everything `rules.toml` says."""

    paths: list[str]
    words: dict[str, str]
    participles: frozenset[str]
    verbs: frozenset[str]
    exemptions: list[Exemption]

    @classmethod
    def load(cls, file: Path = RULES) -> "Rules":
        """Read the rules."""
        content = tomllib.loads(file.read_text())
        return cls(
            paths=content["paths"],
            words=content["words"],
            participles=frozenset(content["names"]["participles"].split()),
            verbs=frozenset(content["names"]["verbs"].split()),
            exemptions=[Exemption(one["text"], one["where"]) for one in content["allow"]],
        )

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The expression that finds a banned word in prose and in identifiers of either case."""
        return re.compile("|".join(_word_pattern(word) for word in self.words))

    def exempt_texts(self, file: Path) -> list[str]:
        """Return the texts that are passed over in a file; `*` stands for all of it."""
        resolved = file.resolve()
        if not resolved.is_relative_to(ROOT):
            return [one.text for one in self.exemptions if "**" in one.where]
        relative = PurePosixPath(resolved.relative_to(ROOT).as_posix())
        return [one.text for one in self.exemptions if one.covers(relative)]

    def begins_with_participle(self, name: str) -> bool:
        """Return whether the first word of a function's name is a participle."""
        first = name.split("_", maxsplit=1)[0]
        return first in self.participles or (first.endswith("ed") and first not in self.verbs)


def _word_pattern(word: str) -> str:
    """Return an expression for a word, which may be a part of an identifier in either style of case.

    `word` is found in `Word`, `WORD`, `a_word` and `onWord`, and passed over in `sword` and `words`.
    """
    if " " in word:
        return r"\b(?i:" + word.replace(" ", r"\s+(?:#:?\s*)?") + r")\b"
    lower = rf"(?<![A-Za-z]){word}(?![a-z])"
    title = rf"(?<![A-Z]){word.capitalize()}(?![a-z])"
    upper = rf"(?<![A-Za-z]){word.upper()}(?![A-Za-z])"
    return f"{lower}|{title}|{upper}"
