"""Digits on paper, a board or a screen: where their ink is, and how MNIST would have stored it; no torch."""
