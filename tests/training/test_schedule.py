"""The learning rate rises over the warm-up and falls to zero at the end, never below."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reccl.training.schedule import learning_rate_factor


def test_constant_is_one_throughout() -> None:
    assert [learning_rate_factor("constant", step, 10) for step in range(12)] == [1.0] * 12


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_starts_at_one_is_half_in_the_middle_and_ends_at_zero(schedule: str) -> None:
    assert [learning_rate_factor(schedule, step, 100) for step in (0, 50, 100, 130)] == pytest.approx([1, 0.5, 0, 0])


def test_cosine_is_half_a_wave() -> None:
    assert learning_rate_factor("cosine", 25, 100) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_warm_up_rises_in_equal_steps_from_above_zero_then_the_schedule_begins() -> None:
    assert [learning_rate_factor("linear", step, 8, 0.5) for step in range(9)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1, 0.75, 0.5, 0.25, 0]
    )


@given(st.sampled_from(["constant", "cosine", "linear"]), st.integers(1, 300), st.floats(0, 0.99))
def test_lies_between_zero_and_one_rises_once_and_falls_once(schedule: str, steps: int, warmup: float) -> None:
    values = [learning_rate_factor(schedule, step, steps, warmup) for step in range(steps + 2)]
    assert all(0 <= value <= 1 for value in values)
    assert values[0] > 0
    top = values.index(max(values))
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)
