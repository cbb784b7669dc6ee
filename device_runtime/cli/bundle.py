"""`edgecl bundle`: install a bundle in the home, go back to the one before, and show both."""

from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings, command
from device_runtime.cli.signals import interrupts
from device_runtime.workflows import bundle_update
from device_runtime.workflows.bundle_update import BundleChange, BundleSummary

bundle = typer.Typer(help="Update the model bundle of the home.", no_args_is_help=True)


@command(bundle)
def show(settings: Settings) -> int:
    """Show the bundle in use, the one before, and the one shipped with edgecl.

    Examples:
        edgecl bundle show
        edgecl bundle show --json
    """
    found = bundle_update.list_bundles(settings.workspace)
    if settings.as_json:
        output.emit(found.to_document())
        return 0
    state = "in use" if found.is_proved else "in use, not started yet"
    rows = [(state, *_describe(found.current))]
    if found.previous:
        rows.append(("before", *_describe(found.previous)))
    rows.append(("of the package", *_describe(found.shipped)))
    output.print_answer(output.build_table("", ["", "name", "created", "fingerprint", "folder"], rows))
    if found.failure:
        output.print_message(found.failure)
    return 0


@command(bundle)
def install(
    settings: Settings,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of the bundle.", show_default=False)
    ],
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Also install an older one of the same name.")
    ] = False,
) -> int:
    """Copy a bundle into the home and use it from the next start on, in place of the one shipped with edgecl.

    It is verified and tested beside the one in use. The first command or daemon that starts it tests it
    again: if it fails there, or breaks off twice, the one before takes over by itself. Where the home trusts
    certain keys, one of them must have signed it.

    Examples:
        edgecl bundle install new-bundle/

        # A running daemon takes the new bundle when it starts again
        systemctl --user restart edgecl
    """
    result = bundle_update.install_bundle(
        settings.workspace, folder, allow_downgrade=allow_downgrade, commit_guard=interrupts.defer
    )
    return _print(result, "Installed", settings)


@command(bundle)
def rollback(settings: Settings) -> int:
    """Use the bundle before the last installation again; a second time brings the other one back.

    Examples:
        edgecl bundle rollback
    """
    result = bundle_update.roll_back(settings.workspace, commit_guard=interrupts.defer)
    return _print(result, "Back at", settings)


def _print(result: BundleChange, verb: str, settings: Settings) -> int:
    if settings.as_json:
        output.emit(result.to_document())
        return 0
    current = _name(result.current)
    if not result.changed:
        output.print_answer(f"{current} is in use already; nothing was changed.")
        return 0
    before = f" in place of {_name(result.replaced)}" if result.replaced else ""
    output.print_answer(f"{verb} {current}{before}. It is used from the next start on.")
    if result.unusable_tasks:
        names = ", ".join(f"'{task}'" for task in result.unusable_tasks)
        output.print_answer(
            f"Made with another bundle, and not usable until they are enrolled again: {names}. "
            "Run: edgecl enroll --again"
        )
    return 0


def _name(one: BundleSummary) -> str:
    return f"'{one.name}' of {one.created} ({one.fingerprint[:8]})"


def _describe(one: BundleSummary) -> tuple[str, str, str, str]:
    return one.name, one.created, one.fingerprint[:8], str(one.path)
