"""Measuring: exact counts, predictions, and the callback that writes a Record."""
