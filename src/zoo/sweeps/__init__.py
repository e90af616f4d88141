"""Sweeps: one config trained with every combination of some values, ranked on the held-out slice of train."""
