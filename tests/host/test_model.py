"""The torch network: level, the front end against Kaldi's steps, FTA against dense attention, pooling."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from export.model.ast import Ast, AstConfig
from export.model.frontend import LogMel, mel_bank
from export.model.fta import dense_attention, frequency_time_attention, fta_mask
from export.model.level import LevelNormalization, column_power
from export.model.pooling import Pool

SMALL = AstConfig(width=48, heads=3, depth=2)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("frame", "fft", "high_hz"), [(400, 512, 16000.0), (400, 512, 8000.0), (350, 480, 7000.0)]
)
def test_the_log_mel_image_equals_its_steps_one_after_another(frame: int, fft: int, high_hz: float):
    config = replace_front_end(frame_samples=frame, fft_samples=fft, high_hz=high_hz)
    waveform = 0.1 * noise(2, 4007).numpy() + 0.05
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), frame, axis=1)[:, ::160]
    steps = frames - frames.mean(2, keepdims=True)
    steps = np.concatenate([steps[..., :1] * (1 - 0.97), steps[..., 1:] - 0.97 * steps[..., :-1]], axis=2)
    power = np.abs(np.fft.rfft(steps * np.hanning(frame), fft)) ** 2
    mel = power @ mel_bank(config.mel_bands, fft, 16000, config.low_hz, high_hz).T
    expected = (np.log(np.maximum(mel, config.floor)) - config.shift) / config.scale
    image = LogMel(config)(torch.from_numpy(waveform)).numpy()
    assert np.allclose(image[:, 0], expected.transpose(0, 2, 1), atol=1e-4)


def replace_front_end(**changes: float):
    return SMALL.front_end.model_copy(update=changes)


def test_every_frequency_up_to_nyquist_is_covered_by_a_mel_band():
    bank = mel_bank(64, 512, 16000, 20.0, 8000.0)
    assert bank.shape == (64, 257)
    assert (bank.sum(1) > 0).all()
    assert (bank[:, 2:256].sum(0) > 0).all()


def test_a_constant_offset_of_the_microphone_changes_nothing():
    front_end = LogMel(SMALL.front_end)
    waveform = 0.1 * noise(1, 16000)
    assert torch.allclose(front_end(waveform), front_end(waveform + 0.3), atol=2e-3)


@pytest.mark.parametrize(("rows", "columns", "special"), [(4, 13, 1), (1, 7, 1), (12, 3, 2), (2, 1, 1)])
def test_frequency_time_attention_equals_dense_attention_under_the_mask(
    rows: int, columns: int, special: int
):
    q, k, v = (noise(2, 3, special + rows * columns, 8, seed=s) for s in range(3))
    expected = dense_attention(q, k, v, fta_mask(rows, columns, special))
    assert torch.allclose(frequency_time_attention(q, k, v, rows, special), expected, atol=1e-6)


def test_a_key_that_is_hidden_has_no_weight_even_where_its_score_is_the_highest():
    q, k, v = (noise(1, 1, 5, 8, seed=s) for s in range(3))
    k[:, :, 4], v[:, :, 4] = 5 * q[:, :, 1], 1e3  # hidden from 1
    mask = fta_mask(rows=2, columns=2, special=1)
    alone = dense_attention(q[:, :, 1:2], k[:, :, :4], v[:, :, :4])
    assert torch.allclose(dense_attention(q, k, v, mask)[:, :, 1:2], alone, atol=1e-6)


def test_a_patch_attends_to_its_row_its_column_and_cls_only():
    mask = fta_mask(rows=3, columns=4, special=1)
    patch = 1 + 1 * 4 + 2  # row 1, column 2
    visible = set(mask[patch].nonzero().flatten().tolist())
    assert visible == {0} | {1 + 4 + t for t in range(4)} | {1 + f * 4 + 2 for f in range(3)}
    assert mask[0].all()


@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_fta_equals_dense_masked_attention_on_the_whole_backbone(seconds: int):
    torch.manual_seed(0)
    config = AstConfig(depth=12)
    factorized = Ast(config).eval()
    dense = Ast(replace(config, attention="masked")).eval()
    dense.load_state_dict(factorized.state_dict())
    waveform = 0.1 * noise(1, 16000 * seconds)
    with torch.inference_mode():
        difference = (factorized(waveform) - dense(waveform)).abs().max()
    assert difference <= 1e-5


def test_the_embedding_keeps_the_frequency_rows_apart():
    tokens = torch.zeros(1, 1 + SMALL.rows * 5, SMALL.width)
    tokens[:, 1 + 2 * 5 : 1 + 3 * 5] = 1.0  # row 2
    mean = Pool(SMALL)(tokens)[:, : SMALL.rows * SMALL.width].view(SMALL.rows, SMALL.width)
    assert mean[2].eq(1).all()
    assert mean[[0, 1, 3]].eq(0).all()


def test_the_embedding_separates_changing_sounds_from_steady_ones():
    changing = noise(2, 1 + SMALL.rows * 5, SMALL.width)
    grid = changing[:, 1:].unflatten(1, (SMALL.rows, 5))
    steady = torch.cat([changing[:, :1], grid.mean(2, keepdim=True).expand_as(grid).flatten(1, 2)], dim=1)

    (mean, deviation, special), (same_mean, none, same_special) = (
        parts(Pool(SMALL)(x)) for x in (changing, steady)
    )
    assert torch.allclose(deviation, grid.std(2, correction=0).flatten(1), atol=1e-5)
    assert none.max() <= 1.1e-3
    assert torch.allclose(mean, same_mean, atol=1e-6)
    assert torch.equal(special, same_special)


def parts(embedding: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Means and deviations of the rows, each [B, F·D], and the special token [B, D]."""
    grid = SMALL.rows * SMALL.width
    return embedding.split([grid, grid, SMALL.width], dim=1)


def test_the_gradient_of_the_deviation_of_constant_tokens_is_finite():
    tokens = torch.ones(1, 1 + SMALL.rows * 5, SMALL.width, requires_grad=True)
    Pool(SMALL)(tokens).sum().backward()
    assert tokens.grad.isfinite().all()


def test_pooling_by_the_mean_omits_the_deviations():
    tokens, plain = noise(2, 1 + SMALL.rows * 5, SMALL.width), replace(SMALL, pooling="mean")
    mean, _, special = parts(Pool(SMALL)(tokens))
    assert torch.equal(Pool(plain)(tokens), torch.cat([mean, special], dim=1))
    assert plain.pooled_width == (SMALL.rows + 1) * SMALL.width


ATTENTION = replace(SMALL, pooling="attention")


def test_an_untrained_attention_counts_all_columns_alike():
    tokens = noise(2, 1 + SMALL.rows * 5, SMALL.width)
    assert torch.allclose(Pool(ATTENTION)(tokens), Pool(SMALL)(tokens), atol=1e-5)
    assert ATTENTION.pooled_width == SMALL.pooled_width


def test_columns_of_background_hardly_move_an_embedding_pooled_by_attention():
    pool = Pool(ATTENTION).requires_grad_(False)
    with torch.no_grad():
        pool.attention.weight[2, 7], pool.attention.bias[()] = 40.0, -20.0  # sound: this number is 1
    grid = noise(1, SMALL.rows, 6, SMALL.width)
    grid[:, 2, :3, 7], grid[:, 2, 3:, 7] = 1.0, 0.0
    other = grid.clone()
    other[:, :, 3:] = noise(1, SMALL.rows, 3, SMALL.width, seed=1)
    other[:, 2, 3:, 7] = 0.0
    weights = pool.attention(grid)
    assert torch.allclose(weights, torch.tensor([[1.0, 1.0, 1.0, 0.02, 0.02, 0.02]]), atol=1e-3)

    def moved(pool: Pool) -> float:
        before, after = (
            pool(torch.cat([x.new_zeros(1, 1, 48), x.flatten(1, 2)], dim=1)) for x in (grid, other)
        )
        return float((after - before).norm())

    assert moved(pool) <= 0.15 * moved(Pool(SMALL))


@pytest.mark.parametrize("level_db", [-40, -20, 0, 10])
def test_the_loudest_column_of_a_window_has_the_same_level_whatever_the_distance(level_db: int):
    level = LevelNormalization(SMALL.column_samples)
    sound = torch.cat([0.003 * noise(1, 20480), 0.1 * noise(1, 2560), torch.zeros(1, 8960)], dim=1)
    normalized = level(10 ** (level_db / 20) * sound)
    power = column_power(normalized, SMALL.column_samples)
    assert power.shape == (1, SMALL.columns)
    assert power.argmax() == 8
    assert 10 * power.max().log10() == pytest.approx(-20.0, abs=0.01 if level_db > -40 else 5.5)
    assert torch.allclose(level(0.5 * normalized), normalized, atol=1e-5) or level_db == -40


def test_the_gain_of_a_level_is_bounded_and_silence_stays_silent():
    level = LevelNormalization(SMALL.column_samples)
    faint = 1e-4 * noise(2, 32000)
    assert torch.allclose(level(faint), 10 ** (35 / 20) * (faint - faint.mean(1, keepdim=True)), rtol=1e-4)
    assert level(torch.zeros(1, 32000)).eq(0).all()
    assert Ast(replace(SMALL, level_normalization=True))(torch.zeros(1, 32000)).isfinite().all()


def test_level_normalization_removes_the_offset_before_it_measures_the_level():
    level, waveform = LevelNormalization(SMALL.column_samples), 0.01 * noise(1, 32000)
    assert torch.allclose(level(waveform + 0.1), level(waveform), atol=1e-4)


def test_a_shorter_last_column_has_the_level_of_its_own_samples():
    power = column_power(torch.full((1, 32000), 0.1), SMALL.column_samples)
    assert torch.allclose(power, torch.full((1, 13), 0.01), rtol=1e-3)


def test_two_seconds_become_a_grid_of_four_rows_and_thirteen_columns():
    model = Ast(SMALL).eval()
    with torch.inference_mode():
        tokens = model(0.1 * noise(1, SMALL.window_samples))
    assert (SMALL.rows, SMALL.columns) == (4, 13)
    assert tokens.shape == (1, 1 + 4 * 13, SMALL.width)
    assert Pool(SMALL)(tokens).shape == (1, SMALL.pooled_width)
