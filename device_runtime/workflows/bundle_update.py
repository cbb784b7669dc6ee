"""Install a bundle in the home beside the one in use, go back to the one before, and list both."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from device_runtime.model import selftest
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.workflows.bundle_check import check_bundle
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import CommitGuard, Workspace
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.installed import SHIPPED, InstalledBundles, Selection, make_name
from edgecl.errors import BundleError, EdgeclError, NoPreviousVersionError, NoStoreError
from edgecl.signatures import read_trusted_keys
from edgecl.store.errors import translate_errors
from edgecl.store.home import lock_home


@dataclass(frozen=True)
class BundleSummary:
    """A bundle, as far as a user needs to know it."""

    name: str
    created: str
    fingerprint: str
    path: Path

    @classmethod
    def of(cls, bundle: Bundle) -> "BundleSummary":
        """Summarise an opened bundle."""
        manifest = bundle.manifest
        return cls(manifest.name, manifest.created, manifest.fingerprint, bundle.path)

    def to_document(self) -> Document:
        """Return everything as plain values."""
        return {
            "name": self.name,
            "created": self.created,
            "fingerprint": self.fingerprint,
            "path": str(self.path),
        }


@dataclass(frozen=True)
class BundleList:
    """The bundles that a home can use."""

    current: BundleSummary
    previous: BundleSummary | None
    """The one that 'edgecl bundle rollback' brings back."""
    shipped: BundleSummary
    is_proved: bool
    """Whether the current one was started in this home."""
    failure: str
    """Why the last one that was installed is not used; empty: it is."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl bundle show --json`."""
        return {
            "current": self.current.to_document(),
            "previous": self.previous.to_document() if self.previous else None,
            "shipped": self.shipped.to_document(),
            "proved": self.is_proved,
            "failure": self.failure,
        }


@dataclass(frozen=True)
class BundleChange:
    """A bundle that is used from now on."""

    current: BundleSummary
    replaced: BundleSummary | None
    """The one that was used; None where it could not be opened."""
    changed: bool
    """False: it was in use already."""
    unusable_tasks: list[str]
    """Tasks that were made with another bundle."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl bundle install --json` and `rollback --json`."""
        return {
            "current": self.current.to_document(),
            "replaced": self.replaced.to_document() if self.replaced else None,
            "changed": self.changed,
            "unusable_tasks": self.unusable_tasks,
        }


def list_bundles(workspace: Workspace) -> BundleList:
    """List the bundle in use, the one before, and the one of the package.

    Raises:
        BundleError: one of them is damaged.
    """
    installed = InstalledBundles(workspace.home)
    selection = installed.read_selection()
    previous = selection.previous
    return BundleList(
        _summarise(installed, selection.current),
        None if previous is None else _summarise(installed, previous),
        _summarise(installed, SHIPPED),
        selection.is_proved,
        selection.failure,
    )


def install_bundle(
    workspace: Workspace,
    folder: Path,
    *,
    allow_downgrade: bool = False,
    commit_guard: CommitGuard = nullcontext,
) -> BundleChange:
    """Install a bundle in the home and use it from the next start on.

    It is checked and copied beside the one in use, and computes its golden outputs in a child process, before
    the home is pointed to it. Its first start proves it, see `first_start`.

    Args:
        workspace: the home.
        folder: the bundle.
        allow_downgrade: whether it may be older than one of the same name that is in use.
        commit_guard: see `CommitGuard`.

    Raises:
        SignatureError: the home trusts certain keys and none of them signed it; nothing was parsed.
        BundleError: it is incomplete or altered, fails its self-test, or is older; nothing was changed.
        StoreError: the disk is full, or another process installs a bundle.
    """
    is_shipped = folder.resolve() == DEFAULT_BUNDLE.resolve()
    keys = frozenset[bytes]() if is_shipped else read_trusted_keys(workspace.home)
    bundle = Bundle.open(folder, keys)
    name = SHIPPED if is_shipped or _is_same(bundle, Bundle.open(DEFAULT_BUNDLE)) else make_name(bundle)
    replaced = _open_current(workspace)
    if replaced and not allow_downgrade:
        _refuse_downgrade(bundle, replaced)
    if replaced and _is_same(bundle, replaced):
        return _describe_change(workspace, replaced, replaced, changed=False)
    installed = InstalledBundles(workspace.home)
    with translate_errors(workspace.home), installed.lock():
        if name != SHIPPED:
            installed.add(bundle, name, lambda copy: _require_working(Bundle.open(copy, keys)))
        with commit_guard(f"bundle '{bundle.manifest.name}' is installed"):
            installed.select(name)
    return _describe_change(workspace, Bundle.open(installed.locate(name) or DEFAULT_BUNDLE), replaced)


def roll_back(workspace: Workspace, *, commit_guard: CommitGuard = nullcontext) -> BundleChange:
    """Use the bundle before the last installation again; a second time brings the other one back.

    Raises:
        NoPreviousVersionError: there is none.
    """
    installed = InstalledBundles(workspace.home)
    replaced = _open_current(workspace)
    before = installed.read_selection().previous
    if before is None:
        raise NoPreviousVersionError("no other bundle was in use before", "see 'edgecl bundle show'")
    target = Bundle.open(installed.locate(before) or DEFAULT_BUNDLE)
    with (
        translate_errors(workspace.home),
        commit_guard(f"bundle '{target.manifest.name}' is used again"),
        lock_home(workspace.home),
    ):
        selection = installed.read_selection()
        installed.write_selection(Selection.of(before, selection.current))
    return _describe_change(workspace, target, replaced)


def _require_working(bundle: Bundle) -> None:
    selftest.require_agreement(bundle, check_bundle(bundle))


def _summarise(installed: InstalledBundles, name: str) -> BundleSummary:
    return BundleSummary.of(Bundle.open(installed.locate(name) or DEFAULT_BUNDLE))


def _open_current(workspace: Workspace) -> Bundle | None:
    """Open the bundle in use; None where it is damaged, so that another one can take its place."""
    try:
        return replace(workspace, bundle=None).open_bundle()
    except EdgeclError:
        return None


def _is_same(one: Bundle, other: Bundle) -> bool:
    return make_name(one) == make_name(other)


def _refuse_downgrade(bundle: Bundle, current: Bundle) -> None:
    new, old = bundle.manifest, current.manifest
    if new.name == old.name and new.created < old.created:
        raise BundleError(
            f"bundle '{bundle.path}' is of {new.created}, older than '{old.name}' in use, "
            f"of {old.created}; nothing was changed",
            "to go back all the same, add --allow-downgrade",
        )


def _describe_change(
    workspace: Workspace, current: Bundle, replaced: Bundle | None, changed: bool = True
) -> BundleChange:
    return BundleChange(
        BundleSummary.of(current),
        BundleSummary.of(replaced) if replaced else None,
        changed,
        _list_unusable_tasks(workspace, current),
    )


def _list_unusable_tasks(workspace: Workspace, bundle: Bundle) -> list[str]:
    try:
        with workspace.open_store() as store:
            return [entry.task for entry in store.list_tasks() if entry.fingerprint != bundle.fingerprint]
    except NoStoreError:
        return []
