"""What was changed while the daemon ran is so again after a restart."""

from pathlib import Path

from device_runtime.daemon.saved_controls import CONTROLS_NAME, SavedControls
from edgecl.config.schema import Config

CONFIG = Config.model_validate({"tasks": {"alarms": {"thresholds": {"timer": 0.5}}}})


def opened(folder: Path, complaints: list[str] | None = None) -> SavedControls:
    told = complaints.append if complaints is not None else lambda sentence: None
    return SavedControls(CONFIG.get_rule, folder / CONTROLS_NAME, told)


def test_what_was_set_is_set_again_and_what_was_not_is_as_configured(tmp_path: Path) -> None:
    controls = opened(tmp_path)
    assert controls.listening
    controls.listening = False
    controls.set_threshold("alarms", "doorbell", 0.2)
    again = opened(tmp_path)
    assert not again.listening
    assert again.rule_of("alarms").thresholds == {"timer": 0.5, "doorbell": 0.2}
    assert again.rule_of("kitchen").thresholds == {}


def test_a_threshold_goes_back_to_what_is_configured_at_once(tmp_path: Path) -> None:
    controls = opened(tmp_path)
    rule = controls.rule_of("alarms")
    for label in ("timer", "doorbell"):
        controls.set_threshold("alarms", label, 0.9)
    assert rule.thresholds == {"timer": 0.9, "doorbell": 0.9}
    for label in ("timer", "doorbell"):
        controls.reset_threshold("alarms", label)
    assert rule.thresholds == {"timer": 0.5}
    assert opened(tmp_path).rule_of("alarms").thresholds == {"timer": 0.5}


def test_a_task_that_is_forgotten_leaves_no_threshold_to_the_next_of_its_name(tmp_path: Path) -> None:
    controls = opened(tmp_path)
    for task, label in (("alarms", "timer"), ("alarms", "doorbell"), ("kitchen", "knock")):
        controls.set_threshold(task, label, 0.9)
    controls.forget("alarms")
    controls.forget("nobody")
    assert opened(tmp_path).thresholds("alarms") == controls.thresholds("alarms") == {"timer": 0.5}
    assert opened(tmp_path).thresholds("kitchen") == {"knock": 0.9}


def test_what_was_set_goes_with_a_task_that_is_gone_from_the_store(tmp_path: Path) -> None:
    controls, told = opened(tmp_path), []
    rule = controls.rule_of("alarms")
    for task, label in (("alarms", "timer"), ("alarms", "doorbell"), ("kitchen", "knock")):
        controls.set_threshold(task, label, 0.9)
    controls.tell(lambda: told.append(1))
    controls.keep_only(["alarms", "kitchen", "voices"])
    assert told == []
    controls.keep_only(["kitchen"])
    assert told == [1]
    assert rule.thresholds == controls.thresholds("alarms") == {"timer": 0.5}
    for later in (controls, opened(tmp_path)):
        assert later.thresholds("alarms") == {"timer": 0.5}
        assert later.thresholds("kitchen") == {"knock": 0.9}


def test_every_change_is_told(tmp_path: Path) -> None:
    controls, told = opened(tmp_path), []
    controls.tell(lambda: told.append((controls.listening, dict(controls.thresholds("kitchen")))))
    controls.listening = False
    controls.set_threshold("kitchen", "knock", 0.1)
    controls.reset_threshold("kitchen", "knock")
    assert told == [(False, {}), (False, {"knock": 0.1}), (False, {})]


def test_a_damaged_file_is_complained_of_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / CONTROLS_NAME).write_text('{"listening": "perhaps"}')
    (tmp_path / f".{CONTROLS_NAME}.17.tmp").write_text("half")
    complaints: list[str] = []
    controls = opened(tmp_path, complaints)
    assert controls.listening
    assert "cannot be read" in complaints[0]
    assert [path.name for path in tmp_path.iterdir()] == [CONTROLS_NAME]
    controls.set_threshold("kitchen", "knock", 0.1)
    assert opened(tmp_path, complaints).thresholds("kitchen") == {"knock": 0.1}
    assert len(complaints) == 1
