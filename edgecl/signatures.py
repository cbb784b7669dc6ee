"""Signatures of bundles and exported tasks: Ed25519 in the OpenSSH format of `ssh-keygen -Y sign -n edgecl`.

The folder HOME/trusted_keys holds the public keys of everyone whose files are accepted, as `ssh-keygen`
writes them (`*.pub`). While it holds none, no signature is needed. A file is signed in a second one beside
it, with the ending `.sig`; of a bundle the manifest is signed, which names the hash of every other file.

The format is PROTOCOL.sshsig of OpenSSH: a magic word, a version, public key, namespace, a reserved field,
hash algorithm and signature. Signed are the same fields but the key, with the hash of the file.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecl.errors import SignatureError

FOLDER_NAME = "trusted_keys"
SUFFIX = ".sig"
NAMESPACE = b"edgecl"
MAGIC, VERSION = b"SSHSIG", (1).to_bytes(4, "big")
KEY_TYPE = b"ssh-ed25519"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
MAX_SIGNATURE_BYTES = 4096
MAX_KEY_BYTES = 16 << 10
SIGN = "sign it: ssh-keygen -Y sign -f KEY -n edgecl FILE"


@dataclass(frozen=True)
class Signature:
    """A parsed signature file."""

    public_key: bytes
    """In the form of OpenSSH: type and 32 bytes, each with its length."""
    hash_name: bytes
    value: bytes


def read_trusted_keys(home: Path) -> frozenset[bytes]:
    """Read the keys whose files are accepted; none where everything is accepted.

    Raises:
        SignatureError: the folder cannot be read, or holds files but not one key.
    """
    folder = home / FOLDER_NAME
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        keys = frozenset(key for path in paths for key in _parse_keys(path))
    except OSError as error:
        raise SignatureError(f"the keys in '{folder}' cannot be read: {error.strerror}", "") from error
    if paths and not keys:
        hint = "copy a public key there that 'ssh-keygen -t ed25519' made, or remove the folder"
        raise SignatureError(f"'{folder}' holds no Ed25519 key, so nothing would be accepted", hint)
    return keys


def require_signature(data: bytes, signature_file: Path, keys: frozenset[bytes]) -> None:
    """Refuse data that none of the trusted keys signed; without keys, accept everything.

    Args:
        data: the content of the signed file.
        signature_file: the file with its signature.
        keys: from `read_trusted_keys`.

    Raises:
        SignatureError: there is no signature, it is not valid, or its key is not trusted.
    """
    if not keys:
        return
    try:
        with signature_file.open("rb") as file:
            text = file.read(MAX_SIGNATURE_BYTES + 1)
    except OSError as error:
        reason = f"there is no signature '{signature_file}': {error.strerror}"
        raise SignatureError(reason, SIGN) from error
    signature = parse_signature(text)
    if signature.public_key not in keys:
        raise SignatureError(
            f"'{signature_file}' is of a key that is not trusted here",
            f"if you trust it, copy the public key to the folder '{FOLDER_NAME}' of the home",
        )
    _verify(data, signature, signature_file)


def parse_signature(text: bytes) -> Signature:
    """Parse a signature file.

    Raises:
        SignatureError: it has another form, another namespace than `edgecl`, or another kind of key.
    """
    try:
        if len(text) > MAX_SIGNATURE_BYTES:
            raise ValueError("it is too long")
        begin, *lines, end = text.decode("ascii").strip().splitlines() or ("", "")
        if (begin, end) != (BEGIN, END):
            raise ValueError("it has no frame")
        data = base64.b64decode("".join(lines), validate=True)
        if data[:10] != MAGIC + VERSION:
            raise ValueError("it is no signature of OpenSSH")
        public_key, namespace, reserved, hash_name, value = _read_strings(data[10:])
        key_type, signature = _read_strings(value)
        if namespace != NAMESPACE or reserved:
            raise ValueError("it was not made for edgecl (-n edgecl)")
        if key_type != KEY_TYPE or hash_name not in (b"sha256", b"sha512"):
            raise ValueError("it is not of an Ed25519 key")
    except (ValueError, binascii.Error) as error:
        raise SignatureError(f"the signature cannot be used: {error}", SIGN) from error
    return Signature(public_key, hash_name, signature)


def _verify(data: bytes, signature: Signature, file: Path) -> None:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (an extra)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError as error:
        hint = "in the clone: pip install '.[signatures]'"
        raise SignatureError("signatures cannot be checked without the package cryptography", hint) from error
    digest = hashlib.new(signature.hash_name.decode(), data).digest()
    fields = (NAMESPACE, b"", signature.hash_name, digest)
    signed = MAGIC + b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    try:
        _, raw_key = _read_strings(signature.public_key)
        Ed25519PublicKey.from_public_bytes(raw_key).verify(signature.value, signed)
    except (InvalidSignature, ValueError) as error:
        reason = f"'{file}' does not fit: the signed file was altered"
        raise SignatureError(reason, "copy both files again from where they come") from error


def _parse_keys(path: Path) -> Iterator[bytes]:
    """Yield the Ed25519 keys in a file of public keys, one a line."""
    with path.open("rb") as file:
        lines = file.read(MAX_KEY_BYTES).decode("ascii", "replace").splitlines()
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == KEY_TYPE.decode():
            try:
                yield base64.b64decode(words[1], validate=True)
            except binascii.Error:
                continue


def _read_strings(data: bytes) -> list[bytes]:
    """Split data into strings, each with its length in four bytes before it.

    Raises:
        ValueError: a string is cut off.
    """
    strings = []
    while data:
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("it is cut off")
        strings.append(data[4 : 4 + size])
        data = data[4 + size :]
    return strings
