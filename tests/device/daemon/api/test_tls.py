"""HTTPS on the API's port: with a certificate made for this machine, or with the user's own."""

import socket
import ssl
import stat
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from cryptography import x509

from device_runtime.daemon.api.certificate import open_certificate
from edgecl.config.schema import ApiConfig
from edgecl.errors import EdgeclError
from tests.deadlines import SOON_S
from tests.device.daemon.running import TOKEN, Daemon

SELF_SIGNED = ApiConfig(tls="self-signed", hosts=["attic.local"])


def test_a_client_that_trusts_the_certificate_reads_the_page_and_nobody_reads_the_token(
    tmp_path: Path, bundle: Path, evening: np.ndarray
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, TOKEN, 'tls = "self-signed"\n')
    try:
        certificate = daemon.home / "tls" / "certificate.pem"
        authorized = {"Authorization": f"Bearer {TOKEN}"}
        trusting = ssl.create_default_context(cafile=str(certificate))
        url = f"https://localhost:{daemon.port}"
        with httpx.Client(base_url=url, verify=trusting, timeout=SOON_S) as browser:
            assert browser.get("/").status_code == 200
            allowed = browser.get("/status", headers=authorized)
            assert allowed.status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate"):
            httpx.get(url, timeout=SOON_S)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://localhost:{daemon.port}/status", headers=authorized, timeout=SOON_S)
        assert f"the page for a browser is https://127.0.0.1:{daemon.port}" in daemon.log
        assert open_certificate(ApiConfig(tls="self-signed"), daemon.home).fingerprint in daemon.log
        assert daemon.http.get("/status").status_code == 200  # the Unix socket speaks plain HTTP
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=SOON_S) as silent:
            started = time.monotonic()
            assert silent.recv(1) == b""  # closed by the daemon
            assert time.monotonic() - started < 30  # a server without a limit of its own waits for a minute
    finally:
        daemon.close()


def test_a_certificate_is_kept_until_the_names_of_the_machine_change(tmp_path: Path) -> None:
    made = open_certificate(SELF_SIGNED, tmp_path)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    names = x509.load_pem_x509_certificate(made.file.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert {"localhost", "attic.local"} <= set(names.value.get_values_for_type(x509.DNSName))
    before = made.fingerprint
    assert open_certificate(SELF_SIGNED, tmp_path).fingerprint == before
    renamed = ApiConfig(tls="self-signed", hosts=["cellar.local"])
    assert open_certificate(renamed, tmp_path).fingerprint != before


def test_a_damaged_certificate_is_made_anew(tmp_path: Path) -> None:
    made = open_certificate(SELF_SIGNED, tmp_path)
    before = made.fingerprint
    made.key.write_bytes(made.key.read_bytes()[:100])  # as after a power cut
    assert open_certificate(SELF_SIGNED, tmp_path).fingerprint != before


def test_a_certificate_of_the_user_is_used_as_it_is(tmp_path: Path) -> None:
    made = open_certificate(SELF_SIGNED, tmp_path)
    own = ApiConfig(tls="files", certificate=str(made.file), private_key=str(made.key))
    assert open_certificate(own, tmp_path / "other").fingerprint == made.fingerprint
    assert not (tmp_path / "other").exists()
    other = open_certificate(SELF_SIGNED, tmp_path / "second")
    for key in (other.key, tmp_path / "none.pem"):
        wrong = ApiConfig(tls="files", certificate=str(made.file), private_key=str(key))
        with pytest.raises(EdgeclError, match=r"certificate\.pem' cannot be used"):
            open_certificate(wrong, tmp_path)


@pytest.mark.parametrize("more", [{"tls": "files"}, {"certificate": "a.pem"}, {"tls": "on"}])
def test_a_configuration_that_says_half_of_it_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"tls|certificate"):
        ApiConfig.model_validate(more)
