"""The one place that enforces the privacy level on the API."""

from device_runtime.daemon.api.problems import ForbiddenError
from edgecl.config.privacy import Privacy
from edgecl.config.schema import Config


def check_privacy(config: Config, forbidden_from: Privacy, what: str) -> None:
    """Raise unless the privacy level allows a request.

    Args:
        config: the configuration in force.
        forbidden_from: lowest privacy level that forbids the request.
        what: what was requested, as the subject of a sentence in the singular.

    Raises:
        ForbiddenError: the level in force forbids it.
    """
    if config.privacy >= forbidden_from:
        raise ForbiddenError(
            f"{what} is not available at privacy = {config.privacy}",
            f"to allow it, set privacy = {forbidden_from - 1} at the top of the configuration",
        )
