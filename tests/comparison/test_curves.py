"""Rows of loggers as curves: each step once, whatever was killed."""

from zoo.comparison.run import curves_of


def test_rows_of_one_step_are_one_point_and_names_of_steps_are_no_metric():
    rows = [{"step": 9, "lr": 0.1}, {"step": 9, "train/loss": 2.0}, {"step": 19, "train/loss": 1.0, "lr": 0.05}]
    assert curves_of(rows) == {"lr": {9: 0.1, 19: 0.05}, "train/loss": {9: 2.0, 19: 1.0}}


def test_what_was_logged_after_the_checkpoint_that_a_killed_run_went_on_from_is_void():
    killed = [{"trainer/global_step": step, "_step": step, "loss": float(step)} for step in (10, 20, 30, 35)]
    resumed = [{"trainer/global_step": step, "_step": step, "loss": -float(step)} for step in (30, 40)]
    assert curves_of([*killed, *resumed]) == {"loss": {10: 10.0, 20: 20.0, 30: -30.0, 40: -40.0}}


def test_steps_are_in_order_and_what_is_no_number_is_no_point():
    rows = [{"step": 1, "a": True, "b": "x", "c": None, "d": 1}, {"e": 3.0}]
    assert curves_of(rows) == {"d": {1: 1.0}}
