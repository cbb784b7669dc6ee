"""The controls: changes are in effect at once, and survive a restart."""

from pathlib import Path

from device_runtime.daemon.controls import CONTROLS_NAME, Controls, ThresholdChange
from edgecl.config.schema import Config

CONFIG = Config.model_validate({"tasks": {"alarms": {"refractory_s": 9.0, "thresholds": {"timer": 0.5}}}})


def open_controls(folder: Path, warnings: list[str] | None = None) -> Controls:
    warn = warnings.append if warnings is not None else lambda sentence: None
    return Controls(CONFIG.get_rule, folder / CONTROLS_NAME, warn)


def test_a_threshold_is_in_effect_at_once_and_the_others_stay(tmp_path: Path) -> None:
    controls = open_controls(tmp_path)
    rule = controls.get_rule("alarms")
    controls.change([ThresholdChange("alarms", "doorbell", 0.2)])
    assert rule.thresholds == {"timer": 0.5, "doorbell": 0.2}
    assert rule.refractory_s == 9
    assert controls.get_rule("kitchen").thresholds == {}
    assert CONFIG.get_rule("alarms").thresholds == {"timer": 0.5}


def test_what_was_set_is_restored_and_the_rest_is_as_configured(tmp_path: Path) -> None:
    controls = open_controls(tmp_path)
    assert controls.listening
    controls.change(listening=False)
    controls.change([ThresholdChange("alarms", "doorbell", 0.2)])
    again = open_controls(tmp_path)
    assert not again.listening
    assert again.get_rule("alarms").thresholds == {"timer": 0.5, "doorbell": 0.2}
    assert again.get_rule("kitchen").thresholds == {}


def test_resetting_a_threshold_restores_the_configured_one_at_once(tmp_path: Path) -> None:
    controls = open_controls(tmp_path)
    rule = controls.get_rule("alarms")
    for label in ("timer", "doorbell"):
        controls.change([ThresholdChange("alarms", label, 0.9)])
    assert rule.thresholds == {"timer": 0.9, "doorbell": 0.9}
    for label in ("timer", "doorbell"):
        controls.change([ThresholdChange("alarms", label, None)])
    assert rule.thresholds == {"timer": 0.5}
    assert open_controls(tmp_path).get_rule("alarms").thresholds == {"timer": 0.5}


def test_a_task_does_not_inherit_thresholds_from_a_forgotten_one_of_its_name(tmp_path: Path) -> None:
    controls = open_controls(tmp_path)
    for task, label in (("alarms", "timer"), ("alarms", "doorbell"), ("kitchen", "knock")):
        controls.change([ThresholdChange(task, label, 0.9)])
    controls.reset_task("alarms")
    controls.reset_task("unknown")
    assert open_controls(tmp_path).thresholds("alarms") == controls.thresholds("alarms") == {"timer": 0.5}
    assert open_controls(tmp_path).thresholds("kitchen") == {"knock": 0.9}


def test_thresholds_of_tasks_that_left_the_store_are_reset(tmp_path: Path) -> None:
    controls, notified = open_controls(tmp_path), []
    rule = controls.get_rule("alarms")
    for task, label in (("alarms", "timer"), ("alarms", "doorbell"), ("kitchen", "knock")):
        controls.change([ThresholdChange(task, label, 0.9)])
    controls.subscribe(lambda: notified.append(1))
    controls.retain_tasks(["alarms", "kitchen", "voices"])
    assert notified == []
    controls.retain_tasks(["kitchen"])
    assert notified == [1]
    assert rule.thresholds == controls.thresholds("alarms") == {"timer": 0.5}
    for later in (controls, open_controls(tmp_path)):
        assert later.thresholds("alarms") == {"timer": 0.5}
        assert later.thresholds("kitchen") == {"knock": 0.9}


def test_listeners_are_notified_of_every_change(tmp_path: Path) -> None:
    controls, changes = open_controls(tmp_path), []
    controls.subscribe(lambda: changes.append((controls.listening, dict(controls.thresholds("kitchen")))))
    controls.change(listening=False)
    controls.change([ThresholdChange("kitchen", "knock", 0.1)])
    controls.change([ThresholdChange("kitchen", "knock", None)])
    assert changes == [(False, {}), (False, {"knock": 0.1}), (False, {})]


def test_a_damaged_file_is_reported_and_replaced(tmp_path: Path) -> None:
    (tmp_path / CONTROLS_NAME).write_text('{"listening": "perhaps"}')
    (tmp_path / f".{CONTROLS_NAME}.17.tmp").write_text("half")
    warnings: list[str] = []
    controls = open_controls(tmp_path, warnings)
    assert controls.listening
    assert "cannot be read" in warnings[0]
    assert [path.name for path in tmp_path.iterdir()] == [CONTROLS_NAME]
    controls.change([ThresholdChange("kitchen", "knock", 0.1)])
    assert open_controls(tmp_path, warnings).thresholds("kitchen") == {"knock": 0.1}
    assert len(warnings) == 1


def test_the_choice_of_a_microphone_lasts_until_the_configuration_names_another(tmp_path: Path) -> None:
    file = tmp_path / CONTROLS_NAME
    Controls(Config().get_rule, file, print).choose_microphone("plughw:CARD=Device,DEV=0", "default")
    again = Controls(Config().get_rule, file, print)
    again.retain_microphone("default")
    assert again.microphone == "plughw:CARD=Device,DEV=0"
    again.retain_microphone("plughw:CARD=Array,DEV=1")
    assert again.microphone == ""
