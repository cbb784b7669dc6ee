"""Every failure that edgecl expects, as one tree.

An error is a sentence (what happened, to what) and a hint (what to do next). `edgecl.console` turns it
into text and an exit code; code raises the narrowest class and never prints.
"""


class EdgeclError(Exception):
    """Base of every expected failure.

    Args:
        message: one sentence: what happened, to what. No final full stop.
        hint: what the user can do next; empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EdgeclError):
    """The request itself makes no sense: a bad name, a missing folder, an impossible option."""

    exit_code = 2


class AudioError(EdgeclError):
    """One audio file cannot be used: unreadable, silent, too short, too long, not finite."""


class TooLongError(AudioError):
    """A recording is longer than what is heard at once."""


class SourceError(EdgeclError):
    """A source of sound cannot be opened, or broke off."""


class UnknownSoundError(EdgeclError):
    """No sound of this identity is remembered."""


class DatasetError(EdgeclError):
    """A folder of clips cannot become a task: empty, one class, too few clips."""


class NothingNewError(DatasetError):
    """A folder holds nothing but recordings that the task was trained on before."""


class BundleError(EdgeclError):
    """A bundle is incomplete, altered, of another version, or fails its self-test."""


class BlobError(EdgeclError):
    """A task blob is damaged, malformed, or was made with another bundle."""


class NewerBlobError(BlobError):
    """A task blob has a format that only a later edgecl reads; nothing is wrong with it."""


class StoreError(EdgeclError):
    """The store cannot be read or written: full disk, read-only folder, lost registry."""


class NoStoreError(StoreError):
    """There is no store in this folder yet."""


class TaskExistsError(StoreError):
    """A task of this name is already in the store."""


class UnknownTaskError(StoreError):
    """No task of this name is in the store."""


class NoTrainingSetError(StoreError):
    """What a task was learnt from is not remembered, so it cannot be taught again without its folder."""


class NoPreviousVersionError(StoreError):
    """A task has no earlier version to go back to."""


class EngineError(EdgeclError):
    """A training engine is not available here, or cannot do what was asked."""


class ExportError(EdgeclError):
    """The host cannot turn these weights or this graph into a bundle."""
