"""The daemon's configuration: a TOML file, read strictly, all its faults told at once.

    home = "/var/lib/edgecl"

    [source]
    device = "plughw:CARD=Device"      # or: command = "parec --raw …", or: path = "/run/sound.fifo"

    [watch]                            # its sub-folders become tasks
    folder = "/srv/sounds"

    [rule]                             # when a sound counts, for every task
    refractory_s = 10

    [tasks.alarms.thresholds]          # … and for one of them
    doorbell = 0.3

Every key has a default; what is not written here is not needed.
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
SHORTEST_TOKEN = 16  # characters


def _as_url(secret: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
        fits = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("should be a URL that begins with http:// or https://")
    return secret


class Section(BaseModel):
    """Base of every table: nothing unknown, nothing guessed from another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SourceConfig(Section):
    """[source]: what is listened to."""

    device: str = "default"
    """An ALSA device by name: 'arecord -L' lists them. Elsewhere: `sounddevice:` and a part of its name."""
    command: str = ""
    """Instead: a command that writes raw PCM to its stdout."""
    path: str = ""
    """Instead: a recording, a FIFO, a device file, or - for stdin."""
    rate_hz: Annotated[int, Field(ge=4_000, le=192_000)] = 16_000
    channels: Annotated[int, Field(ge=1, le=64)] = 1
    encoding: Literal["s16le", "s32le", "f32le"] = "s16le"

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len({"device", "command", "path"} & self.model_fields_set) > 1:
            raise ValueError("takes one of device, command and path")
        return self


class RuleConfig(Section):
    """[rule]: when a sound counts; see `edgecl.detection.Rule`."""

    needed: Annotated[int, Field(ge=1, le=100)] = DetectionRule().needed
    of: Annotated[int, Field(ge=1, le=100)] = DetectionRule().of
    hysteresis: Annotated[float, Field(ge=0, le=2)] = DetectionRule().hysteresis
    refractory_s: Annotated[float, Field(ge=0, le=86_400)] = DetectionRule().refractory_s

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.needed > self.of:
            raise ValueError(f"needs {self.needed} windows of {self.of}")
        return self


class TaskConfig(Section):
    """[tasks.NAME]: what is different about one task."""

    refractory_s: Annotated[float, Field(ge=0, le=86_400)] | None = None
    thresholds: dict[str, Margin] = {}
    """Label → the smallest accepted margin, instead of the task's own."""


class LoudConfig(Section):
    """[loud]: tell of any sound that is loud."""

    level_dbfs: Annotated[float, Field(ge=-120, le=0)] | None = None
    """RMS of half a second; not given: never."""


class HistoryConfig(Section):
    """[history]: what was heard, in home/history.db."""

    days: Positive = 30.0
    sounds: Annotated[int, Field(ge=0)] = 100_000


class ClipsConfig(Section):
    """[clips]: recordings of what was heard, in home/clips."""

    keep: bool = False
    quota_mb: Positive = 500.0


class WatchConfig(Section):
    """[watch]: learn what is dropped into a folder."""

    folder: str = ""
    """Each of its sub-folders becomes a task, as for `edgecl enroll`; not given: none."""


class OutputConfig(Section):
    """[output]: events beside the history."""

    stdout: bool = True
    """Every event as a line of JSON."""


class MqttConfig(Section):
    """[mqtt]: a broker, and by it Home Assistant."""

    host: str = ""
    """Not given: none."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    tls: bool = False
    username: str = ""
    password: SecretStr = SecretStr("")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """What this device is called there; not given: the name of the machine."""
    discovery: Annotated[str, Field(pattern=r"^[^+#/\x00]+$")] = "homeassistant"
    """The prefix under which Home Assistant looks for devices."""
    off_delay_s: Annotated[int, Field(ge=1, le=86_400)] = 30
    """How long a sound counts as present after it was last heard."""


class WebhookConfig(Section):
    """[webhook]: every event as a POST of JSON."""

    url: Annotated[SecretStr, AfterValidator(_as_url)] = SecretStr("")
    """Not given: none."""
    token: SecretStr = SecretStr("")
    """Sent as `Authorization: Bearer …`."""


class ApiConfig(Section):
    """[api]: the HTTP API, on a Unix socket and a TCP port."""

    enabled: bool = False
    socket: str = ""
    """A path; not given: api.sock in the home."""
    address: str = "127.0.0.1"
    """An IP address of this machine; any but loopback needs a token."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8475
    """0: no TCP."""
    token: SecretStr = SecretStr("")
    """What every request by TCP has to show; not given: nothing."""
    hosts: list[str] = []
    """Names under which this machine is asked for, beside its address and 'localhost'."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        try:
            is_loopback = ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            raise ValueError("takes an IP address, such as '127.0.0.1' or '0.0.0.0', as address") from None
        token = self.token.get_secret_value()
        if not is_loopback and not token:
            raise ValueError(f"needs a token where others can reach it, at address '{self.address}'")
        if token and (len(token) < SHORTEST_TOKEN or not token.isascii()):
            raise ValueError(f"needs a token of at least {SHORTEST_TOKEN} plain characters")
        return self


class Config(Section):
    """The whole file."""

    home: str = ""
    """Where tasks and history are kept; not given: as for every command."""
    bundle: str = ""
    """A bundle folder; not given: the shipped one."""
    privacy: Privacy = 0
    """What may be kept or told of the microphone: see `edgecl.config.privacy`."""
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
    def _is_discreet(self) -> Self:
        if self.privacy >= NO_RECORDINGS and self.clips.keep:
            raise ValueError(f"asks for clips (clips.keep), which privacy = {self.privacy} forbids")
        return self

    def rule_of(self, task: str) -> DetectionRule:
        """When a sound of this task counts."""
        own = self.tasks.get(task, TaskConfig())
        refractory_s = self.rule.refractory_s if own.refractory_s is None else own.refractory_s
        return DetectionRule(
            self.rule.needed, self.rule.of, self.rule.hysteresis, refractory_s, own.thresholds
        )

    def find_unknown_tasks(self, names: Sequence[str]) -> list[str]:
        """A sentence for every table of a task that is none of these."""
        return [
            f"tasks.{name} is for a task that is not enrolled yet{_did_you_mean(name, names)}"
            for name in self.tasks
            if name not in names
        ]

    def find_unknown_labels(self, task: str, labels: Sequence[str]) -> list[str]:
        """A sentence for every threshold of this task that is for none of its labels."""
        thresholds = self.tasks.get(task, TaskConfig()).thresholds
        return [
            f"tasks.{task}.thresholds.{name} is for no label of the task{_did_you_mean(name, labels)}"
            for name in thresholds
            if name not in labels
        ]


def read_config(path: Path) -> Config:
    """The configuration in a file.

    Raises:
        UsageError: it cannot be read, is no TOML, or has faults, all of which are told.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"the configuration '{path}' cannot be read: {error.strerror}"
        raise UsageError(reason, "check that it exists and that you may read it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' is no TOML: {error}", "see https://toml.io") from None
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        faults = [_sentence(fault) for fault in error.errors()]
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise UsageError(f"'{path}' has {count}: {'; '.join(faults)}", "correct the file") from None


def _sentence(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"])) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place} is not known{_guess(fault['loc'])}"
    if fault["type"] == "value_error":
        return f"{place} {fault['ctx']['error']}"
    told = fault["msg"].replace("Input should be", "it should be")
    shown = "not valid" if _is_secret(fault["loc"]) else repr(fault["input"])
    return f"{place} is {shown}, {told[0].lower()}{told[1:]}"


def _is_secret(place: tuple[str | int, ...]) -> bool:
    section = Config.model_fields.get(str(place[0])) if len(place) == 2 else None
    keys = getattr(type(section.default), "model_fields", {}) if section else {}
    return place[-1] in keys and isinstance(keys[place[-1]].default, SecretStr)


def _guess(place: tuple[str | int, ...]) -> str:
    """`, did you mean …?` for a misspelt key."""
    *table, key = map(str, place)
    return _did_you_mean(key, list(_keys_of(table)))


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f", did you mean '{close[0]}'?" if close else ""


def _keys_of(table: list[str]) -> Iterator[str]:
    """The keys that may stand in a table."""
    sections = {name: type(field.default) for name, field in Config.model_fields.items()}
    section = Config if not table else TaskConfig if table[0] == "tasks" else sections[table[0]]
    yield from section.model_fields
