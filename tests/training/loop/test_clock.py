"""How far a run is: by its minutes, or by passes over the text where those are over first."""

import time

import numpy as np

from training.config.tables import TrainConfig
from training.loop.clock import Clock


def clock(seconds_gone: float, most_epochs: int) -> Clock:
    config = TrainConfig(minutes=1.0, most_epochs=most_epochs)
    return Clock(config, time.monotonic() - seconds_gone, step_seconds=0.1, steps_per_epoch=10)


def test_a_run_of_few_passes_ends_with_them_although_there_are_minutes_left() -> None:
    begun = clock(0.0, most_epochs=4)
    assert np.allclose(begun.next_progress(0), np.arange(1, 6) / 40, atol=0.01)
    assert np.allclose(begun.next_progress(37)[-1], 1.0)
    assert len(begun.next_progress(37)) == 3
    assert not begun.next_progress(40).size
    assert begun.seconds_left(38) <= 0.2


def test_the_minutes_end_it_where_they_are_over_first_and_0_is_any_number_of_passes() -> None:
    late = clock(59.0, most_epochs=1000)
    assert late.next_progress(50)[0] > 0.98
    assert not clock(61.0, most_epochs=1000).next_progress(50).size
    endless = clock(0.0, most_epochs=0)
    assert endless.next_progress(100_000).size
    assert endless.seconds_left(100_000) > 50
