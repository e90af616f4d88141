"""Masks of dropout are a function of (seed, step): consecutive steps draw others, the same step draws its own again."""

import torch
from resume_cases import Noise, StopAfter, small_model, stopped, train

from zoo import keyed
from zoo.models.classifier import dropout_keys

STEPS = 4  # of 9 images each; the epoch's fifth has 4


class Masks(dict):
    """Fills itself with what the dropout of a model lets through of ones, by step, while it trains."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        model.network.drop.register_forward_pre_hook(lambda layer, given: (torch.ones_like(given[0]),))
        model.network.drop.register_forward_hook(self.note)

    def note(self, layer, given, output):
        if layer.training:
            self[self.model.global_step] = output.detach().clone()


def test_the_masks_of_consecutive_steps_differ(tmp_path):
    masks = Masks(model := small_model())
    train(tmp_path, Noise(), model, max_epochs=1)
    for step in range(STEPS - 1):
        # Drawn apart, masks of 0.3 agree in 58 % of the units.
        assert 0.5 < (masks[step] == masks[step + 1]).float().mean() < 0.7


def test_the_same_step_repeats_its_mask_in_another_run_and_after_an_interruption(tmp_path):
    whole, again, first, rest = (Masks(small_model()) for _ in range(4))
    train(tmp_path / "whole", Noise(), whole.model, max_epochs=1)
    train(tmp_path / "again", Noise(), again.model, max_epochs=1)
    stopped(tmp_path / "run", Noise(), first.model, StopAfter(2), max_epochs=1)
    train(tmp_path / "run", Noise(), rest.model, max_epochs=1)
    assert (set(first), set(rest)) == ({0, 1}, {2, 3, 4})
    for masks in (again, first | rest):
        assert masks.keys() == whole.keys()
        assert all(torch.equal(masks[step], whole[step]) for step in whole)


def test_keys_that_are_made_many_at_a_time_are_those_of_each_step():
    keys = [key for block in range(3) for key in dropout_keys(7, 1, block)]
    assert keys == [keyed.key(7, "dropout", step, 1) for step in range(len(keys))]
    assert len(keys) > 100
