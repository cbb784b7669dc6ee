"""The certificate of the API's TCP port: the user's own, or one that signs itself and lies in the home.

    HOME/tls/certificate.pem     for the names of this machine
    HOME/tls/key.pem             its private key, readable by the owner alone

A browser warns once of a certificate that signs itself; from then on nobody on the network can read the
token. It is made anew when it is about to expire or the names of the machine have changed.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from device_runtime.daemon.api.auth import list_hosts
from edgecl.config.schema import ApiConfig
from edgecl.errors import EdgeclError
from edgecl.store import atomic

FOLDER = "tls"
VALID_DAYS = 825  # browsers of Apple accept no more
RENEWED_DAYS = 30  # before it expires
CLOCK_ERROR_DAYS = 1  # of a board without a battery, or of its clients


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, both PEM files."""

    file: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """Return its SHA-256 as browsers show it, with colons."""
        digest = x509.load_pem_x509_certificate(self.file.read_bytes()).fingerprint(hashes.SHA256())
        return digest.hex(":").upper()


def open_certificate(config: ApiConfig, home: Path) -> Certificate:
    """Return the certificate of a port with HTTPS, made where necessary.

    Raises:
        EdgeclError: the files cannot be read or do not belong together.
    """
    if config.tls == "files":
        own = Certificate(Path(config.certificate).expanduser(), Path(config.private_key).expanduser())
        _check(own)
        return own
    made = Certificate(home / FOLDER / "certificate.pem", home / FOLDER / "key.pem")
    names = list(_list_names(config))
    if not _is_usable(made, names):
        _make(made, names)
    return made


def _check(certificate: Certificate) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            certificate.file, certificate.key, password=_refuse_password
        )
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise EdgeclError(
            f"the certificate '{certificate.file}' cannot be used: {error}",
            "set certificate and private_key under [api] to PEM files that belong together, "
            "readable by this user and without a password",
        ) from None


def _refuse_password() -> str:
    raise ValueError("the private key has a password")


def _list_names(config: ApiConfig) -> Iterator[x509.GeneralName]:
    """Yield the names and addresses at which clients find this machine."""
    own = socket.gethostname()
    for host in dict.fromkeys([*list_hosts(config), own, f"{own}.local"]):
        try:
            yield x509.IPAddress(ip_address(host))
        except ValueError:
            yield x509.DNSName(host)


def _is_usable(certificate: Certificate, names: list[x509.GeneralName]) -> bool:
    try:
        _check(certificate)
        found = x509.load_pem_x509_certificate(certificate.file.read_bytes())
        stored = list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (EdgeclError, OSError, ValueError, x509.ExtensionNotFound):
        return False
    is_current = found.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEWED_DAYS)
    return is_current and stored == names


def _make(certificate: Certificate, names: list[x509.GeneralName]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgecl")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=CLOCK_ERROR_DAYS))
        .not_valid_after(now + timedelta(days=VALID_DAYS - CLOCK_ERROR_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate.key.unlink(missing_ok=True)
    with os.fdopen(os.open(certificate.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    atomic.write(certificate.file, made.public_bytes(serialization.Encoding.PEM))
