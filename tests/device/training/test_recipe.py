"""The recipe: its text form, its bounds, its help."""

from pathlib import Path

import pytest

from device_runtime.training.recipe import Recipe, describe_settings
from edgecl.errors import UsageError
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails


def test_a_recipe_survives_its_text_form() -> None:
    recipe = Recipe(epochs=12, learning_rate=2.5e-4, warm_start=True, soup=3)
    assert recipe.to_text() == "epochs=12 learning_rate=0.00025 warm_start=on soup=3"
    assert Recipe.parse(recipe.to_text().split()) == recipe
    assert Recipe().to_text() == ""


@pytest.mark.parametrize(
    ("windows", "copies"), [(8, 8), (111, 8), (130, 6), (199, 4), (480, 4), (600, 4), (1400, 1), (3001, 0)]
)
def test_few_recordings_get_more_copies_than_many(windows: int, copies: int) -> None:
    assert Recipe().count_copies(windows) == copies
    assert Recipe(copies=0).count_copies(windows) == 0
    assert Recipe(copies=100).count_copies(windows) >= copies


@pytest.mark.parametrize(
    ("settings", "sentence", "hint"),
    [
        (["mixup"], "recipe setting 'mixup' is not KEY=VALUE", "explains every key: epochs, batch"),
        (["epoch=3"], "a recipe has no 'epoch'; did you mean 'epochs'?", "explains every key: epochs, batch"),
        (["epochs=2.5"], "'epochs=2.5': it should be a valid integer", "default 30"),
        (["warm_start=maybe"], "'warm_start=maybe': it should be a valid boolean", "default off"),
        (["sparsity=1"], "'sparsity=1': it should be less than or equal to 0.99", "are zero"),
        (["epochs=0"], "'epochs=0': it should be greater than or equal to 1", "passes over the windows"),
        (["learning_rate=nan"], "'learning_rate=nan': it should be a finite number", "peak"),
        (["learning_rate=x"], "'learning_rate=x': it should be a valid number", "default 0.001"),
        (["soup=3", "sparsity=0.5"], "soup and sparsity exclude each other", "averaged"),
    ],
)
def test_an_invalid_recipe_is_refused_and_explained(settings: list[str], sentence: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.parse(settings)
    assert sentence in refused.value.message
    assert hint in refused.value.hint


def test_the_last_of_two_settings_of_a_key_counts() -> None:
    assert Recipe.parse(["epochs=3", "epochs=4"]).epochs == 4


def test_a_misspelt_key_stops_an_enrolment_before_any_file_is_read(
    edgecl: Edgecl, recordings: Path, tmp_path: Path
) -> None:
    result = edgecl("enroll", "alarms", recordings / "alarms", "--recipe", "mixpu=0")
    assert_fails(result, 2, "a recipe has no 'mixpu'; did you mean 'mixup'?", "--recipe help")
    assert not (tmp_path / "home").exists()


def test_a_closed_form_accepts_no_setting_of_training(edgecl: Edgecl, recordings: Path) -> None:
    result = edgecl("enroll", "alarms", recordings / "alarms", "--method", "ridge", "--recipe", "epochs=9")
    assert_fails(result, 2, "ridge is computed in closed form: 'epochs=9' has no effect", "--method adapter")


def test_recipe_help_lists_every_key_with_its_range(edgecl: Edgecl) -> None:
    result = edgecl("enroll", "--recipe", "help")
    assert result.code == 0
    for setting, bounds, _ in describe_settings():
        assert setting in result.out
        assert bounds in result.out
