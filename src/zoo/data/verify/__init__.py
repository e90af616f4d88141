"""``zoo data verify``: one checker a form of storage."""
