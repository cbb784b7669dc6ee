"""Signatures that ssh-keygen makes are accepted from trusted keys alone, before anything is parsed."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from edgecl.bundle.bundle import Bundle
from edgecl.errors import SignatureError
from edgecl.signatures import FOLDER_NAME, parse_signature, read_trusted_keys, require_signature
from tests.tiny_files import write_tiny_bundle

CONTENT = b"a task"


def make_key(folder: Path, kind: str = "ed25519") -> Path:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    key = folder / f"id_{kind}"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a maker", "-f", str(key)]
    subprocess.run(command, check=True)
    return key


def sign(key: Path, file: Path, *options: str, namespace: str = "edgecl") -> Path:
    signature = file.with_name(f"{file.name}.sig")
    signature.unlink(missing_ok=True)
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", namespace, *options, str(file)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return signature


def trust(home: Path, key: Path) -> None:
    (home / FOLDER_NAME).mkdir(parents=True, exist_ok=True)
    shutil.copy(key.with_suffix(".pub"), home / FOLDER_NAME)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key"))


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Path:
    """Write a signed file, and trust its key in the home 'home'."""
    file = tmp_path / "task.safetensors"
    file.write_bytes(CONTENT)
    sign(key, file)
    trust(tmp_path / "home", key)
    return file


def check(file: Path, home: Path, data: bytes = CONTENT) -> None:
    require_signature(data, file.with_name(f"{file.name}.sig"), read_trusted_keys(home))


@pytest.mark.parametrize("options", [(), ("-O", "hashalg=sha256")])
def test_a_signature_of_a_trusted_key_is_accepted(
    signed: Path, key: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    sign(key, signed, *options)
    check(signed, tmp_path / "home")


def test_without_trusted_keys_nothing_needs_a_signature(tmp_path: Path) -> None:
    check(tmp_path / "unsigned", tmp_path / "home")


def test_an_altered_file_is_refused(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="was altered"):
        check(signed, tmp_path / "home", b"another task")


def test_a_file_without_a_signature_is_refused(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "task.safetensors.sig").unlink()
    with pytest.raises(SignatureError, match="there is no signature"):
        check(signed, tmp_path / "home")


def test_a_signature_of_another_key_is_refused(signed: Path, tmp_path: Path) -> None:
    sign(make_key(tmp_path), signed)
    with pytest.raises(SignatureError, match="a key that is not trusted"):
        check(signed, tmp_path / "home")


def test_a_signature_for_another_purpose_is_refused(signed: Path, key: Path, tmp_path: Path) -> None:
    sign(key, signed, namespace="git")
    with pytest.raises(SignatureError, match="not made for edgecl"):
        check(signed, tmp_path / "home")


def test_another_kind_of_key_is_refused(signed: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path, "ecdsa")
    trust(tmp_path / "home", other)
    sign(other, signed)
    with pytest.raises(SignatureError, match="not of an Ed25519 key"):
        check(signed, tmp_path / "home")


def test_a_folder_without_a_usable_key_refuses_everything(tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).mkdir()
    assert read_trusted_keys(tmp_path) == frozenset()
    (tmp_path / FOLDER_NAME / "note.txt").write_text("keys come here")
    with pytest.raises(SignatureError, match="holds no Ed25519 key"):
        read_trusted_keys(tmp_path)


def test_no_changed_byte_of_a_signature_is_accepted(signed: Path, tmp_path: Path) -> None:
    file = tmp_path / "task.safetensors.sig"
    begin, *lines, end = file.read_text().splitlines()
    whole = base64.b64decode("".join(lines))
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        file.write_text(f"{begin}\n{base64.b64encode(changed).decode()}\n{end}\n")
        with pytest.raises(SignatureError):
            check(signed, tmp_path / "home")


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff", b"-----BEGIN SSH SIGNATURE-----", bytes(10_000)])
def test_what_is_no_signature_is_refused(text: bytes) -> None:
    with pytest.raises(SignatureError, match="cannot be used"):
        parse_signature(text)


def test_a_bundle_is_refused_before_its_manifest_is_parsed(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "bundle"
    write_tiny_bundle(folder)
    trust(tmp_path / "home", key)
    keys = read_trusted_keys(tmp_path / "home")
    with pytest.raises(SignatureError, match="there is no signature"):
        Bundle.open(folder, keys)
    sign(key, folder / "manifest.json")
    assert Bundle.open(folder, keys).fingerprint == Bundle.open(folder).fingerprint
    (folder / "manifest.json").write_text("no JSON")
    with pytest.raises(SignatureError, match="was altered"):
        Bundle.open(folder, keys)
