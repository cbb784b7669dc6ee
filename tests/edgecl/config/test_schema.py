"""The configuration: every key has a default, and all faults are reported at once."""

from pathlib import Path

import pytest

from edgecl.config.schema import Config, read_config
from edgecl.config.values import list_values
from edgecl.detection import DetectionRule
from edgecl.errors import UsageError

WHOLE = """
home = "/var/lib/edgecl"

[source]
device = "plughw:CARD=Device"
rate_hz = 48000
channels = 2

[rule]
needed = 3
of = 5
hysteresis = 0.1
refractory_s = 10

[tasks.alarms]
refractory_s = 60
thresholds = { doorbell = 0.3 }

[loud]
level_dbfs = -30

[history]
days = 7

[clips]
keep = true
"""


def write_config(tmp_path: Path, text: str) -> Path:
    (tmp_path / "config.toml").write_text(text)
    return tmp_path / "config.toml"


def read_refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as refused:
        read_config(write_config(tmp_path, text))
    return refused.value.message


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, ""))
    assert config == Config()
    assert config.get_rule("alarms") == DetectionRule()
    assert not config.clips.keep


def test_a_task_may_differ_from_the_others(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, WHOLE))
    assert config.get_rule("alarms") == DetectionRule(3, 5, 0.1, 60, {"doorbell": 0.3})
    assert config.get_rule("kitchen") == DetectionRule(3, 5, 0.1, 10)
    assert (config.source.rate_hz, config.loud.level_dbfs, config.history.days) == (48_000, -30, 7)


def test_all_faults_are_reported_at_once_with_suggestions_for_misspelt_keys(tmp_path: Path) -> None:
    message = read_refusal(
        tmp_path,
        """
        hoem = "/tmp"
        [source]
        devcie = "default"
        rate_hz = "fast"
        [history]
        days = -1
        [tasks.alarms]
        treshold = 1
        [rule]
        needed = 4
        [output]
        colour = "red"
        """,
    )
    assert "has 7 faults" in message
    assert "hoem is not known, did you mean 'home'?" in message
    assert "source.devcie is not known, did you mean 'device'?" in message
    assert "source.rate_hz is 'fast', it should be a valid integer" in message
    assert "history.days is -1, it should be greater than 0" in message
    assert "tasks.alarms.treshold is not known, did you mean 'thresholds'?" in message
    assert "rule needs 4 windows of 3" in message
    assert "output.colour is not known;" in message


def test_only_one_kind_of_source_can_be_set(tmp_path: Path) -> None:
    message = read_refusal(tmp_path, '[source]\ndevice = "default"\ncommand = "parec"')
    assert "has a fault: source takes one of device, command and path" in message


def test_a_missing_file_and_one_that_is_no_toml_are_refused(tmp_path: Path) -> None:
    assert "is no TOML" in read_refusal(tmp_path, "home = ")
    assert "is no TOML" in read_refusal(tmp_path, f"rate_hz = {'9' * 5000}")
    assert "is nested too deeply" in read_refusal(tmp_path, f"home = {'[' * 3000}")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_config(tmp_path / "gone.toml")


def test_a_threshold_for_an_unknown_label_is_found_once_the_task_is_known(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, "[tasks.alarms.thresholds]\ndorbell = 0.3\ntimer = 0.2"))
    (fault,) = config.find_unknown_labels("alarms", ("doorbell", "timer"))
    assert fault == "tasks.alarms.thresholds.dorbell is for no label of the task, did you mean 'doorbell'?"
    assert config.find_unknown_labels("kitchen", ("kettle",)) == []


def test_secrets_appear_in_no_message_and_no_listing(tmp_path: Path) -> None:
    message = read_refusal(tmp_path, '[mqtt]\npassword = 1234\n[webhook]\nurl = "ftp://h/5678"\ntoken = 9012')
    assert "has 3 faults" in message
    assert "mqtt.password is not valid" in message
    assert "webhook.url should be a URL that begins with http" in message
    assert not any(secret in message for secret in ("1234", "5678", "9012"))
    config = read_config(
        write_config(tmp_path, '[mqtt]\npassword = "1234"\n[webhook]\nurl = "http://h/5678"')
    )
    shown = {value.key: value.text for value in list_values(config, "file")}
    assert shown["mqtt.password"] == shown["webhook.url"] == '"**********"'
    assert "1234" not in repr(config)


def test_settings_for_a_task_that_is_not_enrolled_are_reported(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, "[tasks.alarmz]\nrefractory_s = 1\n[tasks.kitchen]"))
    (fault,) = config.find_unknown_tasks(["alarms", "kitchen"])
    assert fault == "tasks.alarmz is for a task that is not enrolled yet, did you mean 'alarms'?"


def test_clips_are_refused_at_a_privacy_that_forbids_them(tmp_path: Path) -> None:
    assert read_config(write_config(tmp_path, "privacy = 3\n[clips]\nquota_mb = 5")).privacy == 3
    message = read_refusal(tmp_path, "privacy = 1\n[clips]\nkeep = true")
    assert "the file asks for clips (clips.keep), which privacy = 1 forbids" in message
    assert "privacy is 4, it should be less than or equal to 3" in read_refusal(tmp_path, "privacy = 4")
    assert "privacy is True, it should be a valid integer" in read_refusal(tmp_path, "privacy = true")


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ('address = "0.0.0.0"', "needs a token where others can reach it"),
        ('address = "my-board"', "takes an IP address"),
        ('address = "0.0.0.0"\ntoken = "short"', "needs a token of at least 16 plain characters"),
    ],
)
def test_an_api_that_others_can_reach_needs_a_token(tmp_path: Path, section: str, sentence: str) -> None:
    (tmp_path / "config.toml").write_text(f"[api]\n{section}\n")
    with pytest.raises(UsageError, match=sentence):
        read_config(tmp_path / "config.toml")
