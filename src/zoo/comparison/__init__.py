"""Runs side by side, wherever they were kept: run folders, Records, cards of weights, Weights & Biases."""
