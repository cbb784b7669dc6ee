"""A sink: every event is posted to a URL, as JSON, in order; again after a pause where that fails.

Its outbox waits for it, and drops what there is no room for; nobody else does.
"""

import http.client
import time
from contextlib import closing
from urllib.parse import urlsplit

from edgecl.config.schema import WebhookConfig
from edgecl.errors import EdgeclError
from edgecl.events import Event, to_line

ATTEMPTS = 5
FIRST_PAUSE_S = 0.5
TIMEOUT_S = 10.0
BUSY = {408, 425, 429}


class Webhook:
    """One URL."""

    def __init__(self, config: WebhookConfig) -> None:
        url = urlsplit(config.url.get_secret_value())
        self._url = url
        self._name = f"the webhook at '{url.hostname}'"  # the path of a URL may be a secret
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._headers = {"Content-Type": "application/json", "User-Agent": "edgecl"}
        token = config.token.get_secret_value()
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def take(self, event: Event) -> None:
        """Post one event.

        Raises:
            EdgeclError: it was refused, or not answered however often it was tried.
        """
        told, pause_s = "", FIRST_PAUSE_S
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(pause_s)
                pause_s *= 2
            try:
                status = self._post(to_line(event))
            except (OSError, http.client.HTTPException) as error:
                told = f"does not answer: {error or type(error).__name__}"
                continue
            if status < 300:
                return
            told = f"answers {status}"
            if status < 500 and status not in BUSY:
                break
        raise EdgeclError(f"{self._name} {told}", "see [webhook] in the configuration")

    def _post(self, document: str) -> int:
        """The status; where it redirects to is not followed, since the token is not meant for it."""
        with closing(self._connection()) as connection:
            connection.request("POST", self._path, document.encode(), self._headers)
            return connection.getresponse().status

    def _connection(self) -> http.client.HTTPConnection:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)
