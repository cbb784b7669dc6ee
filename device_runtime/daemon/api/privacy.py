"""What the configuration keeps from everybody who asks: refused in this one place."""

from device_runtime.daemon.api.problems import ForbiddenError
from edgecl.config.privacy import Privacy
from edgecl.config.schema import Config


def demand(config: Config, forbidden_from: Privacy, what: str) -> None:
    """Let something be asked for.

    Args:
        forbidden_from: the level of privacy that is the first to forbid it.

    Raises:
        ForbiddenError: the level in force forbids it.
    """
    if config.privacy >= forbidden_from:
        raise ForbiddenError(
            f"{what} stays in the daemon: privacy = {config.privacy}",
            f"privacy = {forbidden_from - 1} at the top of the configuration would tell it",
        )
