"""The exceptions of edgecl.

An error has a message (what happened, to what) and a hint (what to do next). `edgecl.console` turns it into
text and an exit code. Code raises the narrowest class and never prints.
"""


class EdgeclError(Exception):
    """The base class of all expected failures.

    Args:
        message: One sentence, what happened, to what, without a final full stop.
        hint: What the user can do next; empty if nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EdgeclError):
    """A request is invalid: a bad name, a missing folder, an impossible option."""

    exit_code = 2


class AudioError(EdgeclError):
    """An audio file cannot be used: unreadable, silent, too short, too long, not finite."""


class TooLongError(AudioError):
    """A recording is longer than the limit."""


class SourceError(EdgeclError):
    """An audio source cannot be opened, or failed."""


class UnknownSoundError(EdgeclError):
    """The history has no sound with this id."""


class DatasetError(EdgeclError):
    """A folder of recordings cannot become a task: empty, one class, too few recordings."""


class NothingNewError(DatasetError):
    """A folder holds nothing but recordings that the task was trained on before."""


class BundleError(EdgeclError):
    """A bundle is incomplete, altered, of another version, or fails its self-test."""


class SignatureError(EdgeclError):
    """A bundle or an exported task was not signed by a trusted key."""


class BlobError(EdgeclError):
    """A task blob is damaged, malformed, or was made with another bundle."""


class NewerBlobError(BlobError):
    """A task blob has a format that only a newer edgecl reads; it is not damaged."""


class DeclinedError(EdgeclError):
    """The user was asked whether to go on, and declined."""


class StoreError(EdgeclError):
    """The store cannot be read or written: full disk, read-only folder, damaged registry."""


class DiskFullError(StoreError):
    """The disk, or the user's share of it, is full: nothing can be written."""


class StoreBusyError(StoreError):
    """Another process keeps the store locked."""


class NoStoreError(StoreError):
    """The folder has no store yet."""


class NoTasksError(StoreError):
    """There is no task in the store yet."""


class TaskExistsError(StoreError):
    """The store already has a task of this name."""


class UnknownTaskError(StoreError):
    """The store has no task of this name."""


class TaskChangedError(StoreError):
    """Another process changed or removed a task while it was worked on; nothing was stored."""


class NoTrainingSetError(StoreError):
    """A task's training set is missing, so it cannot be trained again without its folder."""


class NoPreviousVersionError(StoreError):
    """A task has no previous version to restore."""


class EngineError(EdgeclError):
    """A training engine is not available, or does not support the request."""


class ExportError(EdgeclError):
    """Weights or a graph cannot be exported as a bundle."""
