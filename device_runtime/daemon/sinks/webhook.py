"""The sink that posts every event to a URL as JSON, in order, with retries.

A retry delays the queue of this sink only.
"""

import http.client
import time
from contextlib import closing
from urllib.parse import urlsplit

from edgecl.config.schema import WebhookConfig
from edgecl.errors import EdgeclError
from edgecl.events import Event, to_line

ATTEMPTS = 5
FIRST_BACKOFF_S = 0.5
TIMEOUT_S = 10.0
RETRIED_STATUS = {408, 425, 429}
"""Client errors that a later attempt may not get."""


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

    def post(self, event: Event) -> None:
        """Post one event.

        Raises:
            EdgeclError: it was refused, or every attempt failed.
        """
        fault, backoff_s = "", FIRST_BACKOFF_S
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(backoff_s)
                backoff_s *= 2
            try:
                status = self._request(to_line(event))
            except (OSError, http.client.HTTPException) as error:
                fault = f"does not answer: {error or type(error).__name__}"
                continue
            if status < 300:
                return
            fault = f"answers {status}"
            if status < 500 and status not in RETRIED_STATUS:
                break
        raise EdgeclError(f"{self._name} {fault}", "see [webhook] in the configuration")

    def _request(self, document: str) -> int:
        """Return the status; a redirect is not followed, since the token is not meant for its target."""
        with closing(self._connect()) as connection:
            connection.request("POST", self._path, document.encode(), self._headers)
            return connection.getresponse().status

    def _connect(self) -> http.client.HTTPConnection:
        is_secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)
