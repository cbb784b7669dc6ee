"""The daemon's configuration: a TOML file, parsed strictly; all faults are reported at once.

    home = "/var/lib/edgecl"

    [source]
    device = "plughw:CARD=Device"      # or: command = "parec --raw …", or: path = "/run/sound.fifo"

    [watch]                            # each sub-folder becomes a task
    folder = "/srv/sounds"

    [rule]                             # when a sound is detected, for all tasks
    refractory_s = 10

    [tasks.alarms.thresholds]          # … and for one task
    doorbell = 0.3

Every key has a default.
"""

import ipaddress
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from edgecl.config.privacy import NO_RECORDINGS, Privacy
from edgecl.detection import DetectionRule
from edgecl.errors import UsageError

Positive = Annotated[float, Field(gt=0)]
Margin = Annotated[float, Field(ge=-2, le=2)]
MIN_TOKEN_LENGTH = 16  # characters


def _check_url(secret: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
        is_http = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        is_http = False
    if not is_http:
        raise ValueError("should be a URL that begins with http:// or https://")
    return secret


class Section(BaseModel):
    """Base of all tables: no unknown keys, strict types, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SourceConfig(Section):
    """[source]: the audio source."""

    device: str = "default"
    """An ALSA device by name ('arecord -L' lists them); elsewhere `sounddevice:` and a part of its name."""
    command: str = ""
    """Alternatively, a command that writes raw PCM to its stdout."""
    path: str = ""
    """Alternatively, a recording, a FIFO, a device file, or - for stdin."""
    rate_hz: Annotated[int, Field(ge=4_000, le=192_000)] = 16_000
    """Sample rate of the source; windows are resampled."""
    channels: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of channels; they are mixed to mono."""
    encoding: Literal["s16le", "s32le", "f32le"] = "s16le"
    """Format of raw samples."""

    @model_validator(mode="after")
    def _check_single_source(self) -> Self:
        if len({"device", "command", "path"} & self.model_fields_set) > 1:
            raise ValueError("takes one of device, command and path")
        return self


class RuleConfig(Section):
    """[rule]: when a sound is detected; see `edgecl.detection.DetectionRule`."""

    needed: Annotated[int, Field(ge=1, le=100)] = DetectionRule().needed
    """Number of matching windows that confirm a sound, …"""
    of: Annotated[int, Field(ge=1, le=100)] = DetectionRule().of
    """… among this number of consecutive windows."""
    hysteresis: Annotated[float, Field(ge=0, le=2)] = DetectionRule().hysteresis
    """How far the margin may fall below the threshold while a sound is active."""
    refractory_s: Annotated[float, Field(ge=0, le=86_400)] = DetectionRule().refractory_s
    """Minimum time from the end of a sound to the next start of the same label."""

    @model_validator(mode="after")
    def _check_window_counts(self) -> Self:
        if self.needed > self.of:
            raise ValueError(f"needs {self.needed} windows of {self.of}")
        return self


class TaskConfig(Section):
    """[tasks.NAME]: the settings of one task that differ."""

    refractory_s: Annotated[float, Field(ge=0, le=86_400)] | None = None
    """Instead of that of [rule]."""
    thresholds: dict[str, Margin] = {}
    """Label → smallest accepted margin, instead of the task's own."""


class LoudConfig(Section):
    """[loud]: events for loud sounds of any kind."""

    level_dbfs: Annotated[float, Field(ge=-120, le=0)] | None = None
    """RMS level of half a second that triggers an event; not set: none."""


class HistoryConfig(Section):
    """[history]: the detected sounds, in home/history.db."""

    days: Positive = 30.0
    """Age at which entries are deleted, in days for which the daemon has run."""
    sounds: Annotated[int, Field(ge=0)] = 100_000
    """Number of sounds above which the oldest are deleted."""


class ClipsConfig(Section):
    """[clips]: recordings of detected sounds, in home/clips."""

    keep: bool = False
    """Whether to write a FLAC file of each detected sound."""
    quota_mb: Positive = 500.0
    """Size of the folder above which the oldest clips are deleted."""


class WatchConfig(Section):
    """[watch]: enrol recordings that are put into a folder."""

    folder: str = ""
    """Each of its sub-folders becomes a task, as with `edgecl enroll`; not set: none."""


class OutputConfig(Section):
    """[output]: events on standard output."""

    stdout: bool = True
    """Every event as a line of JSON; none at privacy 3."""


class MqttConfig(Section):
    """[mqtt]: an MQTT broker, for Home Assistant among others."""

    host: str = ""
    """Not set: none."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    """Port of the broker."""
    tls: bool = False
    """Whether to connect with TLS."""
    username: str = ""
    """User at the broker; empty: anonymous."""
    password: SecretStr = SecretStr("")
    """Password of that user."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """The name of this device there; not set: the host name."""
    discovery: Annotated[str, Field(pattern=r"^[^+#/\x00]+$")] = "homeassistant"
    """The topic prefix of Home Assistant's MQTT discovery."""
    off_delay_s: Annotated[int, Field(ge=1, le=86_400)] = 30
    """Time in seconds after a detection until the binary sensor turns off."""


class WebhookConfig(Section):
    """[webhook]: all events as JSON in POST requests."""

    url: Annotated[SecretStr, AfterValidator(_check_url)] = SecretStr("")
    """Not set: none."""
    token: SecretStr = SecretStr("")
    """Sent as `Authorization: Bearer …`."""


class ApiConfig(Section):
    """[api]: the HTTP API, on a Unix socket and a TCP port."""

    enabled: bool = False
    """Whether to serve the API and the page."""
    socket: str = ""
    """The path of the socket; not set: api.sock in the home."""
    address: str = "127.0.0.1"
    """An IP address of this machine; any but loopback needs a token."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8475
    """The TCP port; 0: no TCP."""
    token: SecretStr = SecretStr("")
    """The token that every TCP request has to present; not set: none."""
    hosts: list[str] = []
    """Accepted host names of this machine, besides its address and 'localhost'."""
    tls: Literal["off", "self-signed", "files"] = "off"
    """HTTPS on the TCP port: with a certificate made at the first start, or with one from files."""
    certificate: str = ""
    """With tls = "files": the certificate and its chain, PEM."""
    private_key: str = ""
    """With tls = "files": the private key of the certificate, PEM without a password."""

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        given = [name for name in ("certificate", "private_key") if getattr(self, name)]
        if self.tls == "files" and len(given) < 2:
            raise ValueError("needs both certificate and private_key with tls = 'files'")
        if self.tls != "files" and given:
            raise ValueError(f"takes {given[0]} only with tls = 'files'")
        return self

    @model_validator(mode="after")
    def _check_token(self) -> Self:
        try:
            is_loopback = ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            raise ValueError("takes an IP address, such as '127.0.0.1' or '0.0.0.0', as address") from None
        token = self.token.get_secret_value()
        if not is_loopback and not token:
            raise ValueError(f"needs a token where others can reach it, at address '{self.address}'")
        if token and (len(token) < MIN_TOKEN_LENGTH or not token.isascii()):
            raise ValueError(f"needs a token of at least {MIN_TOKEN_LENGTH} plain characters")
        return self


class Config(Section):
    """The whole file."""

    home: str = ""
    """The folder of tasks and history; not set: as for every command."""
    bundle: str = ""
    """A bundle folder; not set: the one of `edgecl bundle install`, else the one shipped with edgecl."""
    privacy: Privacy = 0
    """What may be stored or emitted of the microphone: see `edgecl.config.privacy`."""
    source: SourceConfig = SourceConfig()
    rule: RuleConfig = RuleConfig()
    tasks: dict[str, TaskConfig] = {}
    loud: LoudConfig = LoudConfig()
    history: HistoryConfig = HistoryConfig()
    clips: ClipsConfig = ClipsConfig()
    watch: WatchConfig = WatchConfig()
    output: OutputConfig = OutputConfig()
    mqtt: MqttConfig = MqttConfig()
    webhook: WebhookConfig = WebhookConfig()
    api: ApiConfig = ApiConfig()

    @model_validator(mode="after")
    def _check_privacy(self) -> Self:
        if self.privacy >= NO_RECORDINGS and self.clips.keep:
            raise ValueError(f"asks for clips (clips.keep), which privacy = {self.privacy} forbids")
        return self

    def get_rule(self, task: str) -> DetectionRule:
        """Return the detection rule of a task."""
        own = self.tasks.get(task, TaskConfig())
        refractory_s = self.rule.refractory_s if own.refractory_s is None else own.refractory_s
        return DetectionRule(
            self.rule.needed, self.rule.of, self.rule.hysteresis, refractory_s, own.thresholds
        )

    def find_unknown_tasks(self, names: Sequence[str]) -> list[str]:
        """Describe each [tasks.NAME] whose task is not among these names."""
        return [
            f"tasks.{name} is for a task that is not enrolled yet{_suggest(name, names)}"
            for name in self.tasks
            if name not in names
        ]

    def find_unknown_labels(self, task: str, labels: Sequence[str]) -> list[str]:
        """Describe each threshold of a task that is for none of its labels."""
        thresholds = self.tasks.get(task, TaskConfig()).thresholds
        return [
            f"tasks.{task}.thresholds.{name} is for no label of the task{_suggest(name, labels)}"
            for name in thresholds
            if name not in labels
        ]


def read_config(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        UsageError: It cannot be read, is no TOML, or has faults; the message lists all faults.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"the configuration '{path}' cannot be read: {error.strerror}"
        raise UsageError(reason, "check that it exists and that you may read it") from None
    except RecursionError:
        raise UsageError(f"'{path}' is nested too deeply", "see https://toml.io") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise UsageError(f"'{path}' is no TOML: {error}", "see https://toml.io") from None
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise UsageError(f"'{path}' has {count}: {'; '.join(faults)}", "correct the file") from None


def _describe(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"])) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place} is not known{_suggest_key(fault['loc'])}"
    if fault["type"] == "value_error":
        return f"{place} {fault['ctx']['error']}"
    reason = fault["msg"].replace("Input should be", "it should be")
    value = "not valid" if _is_secret(fault["loc"]) else repr(fault["input"])
    return f"{place} is {value}, {reason[0].lower()}{reason[1:]}"


def _is_secret(place: tuple[str | int, ...]) -> bool:
    section = Config.model_fields.get(str(place[0])) if len(place) == 2 else None
    keys = getattr(type(section.default), "model_fields", {}) if section else {}
    return place[-1] in keys and isinstance(keys[place[-1]].default, SecretStr)


def _suggest_key(place: tuple[str | int, ...]) -> str:
    """Return `, did you mean …?` for a misspelt key."""
    *table, key = map(str, place)
    return _suggest(key, list(_list_keys(table)))


def _suggest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f", did you mean '{close[0]}'?" if close else ""


def _list_keys(table: list[str]) -> Iterator[str]:
    """Yield the valid keys of a table."""
    sections = {name: type(field.default) for name, field in Config.model_fields.items()}
    section = Config if not table else TaskConfig if table[0] == "tasks" else sections[table[0]]
    yield from section.model_fields
