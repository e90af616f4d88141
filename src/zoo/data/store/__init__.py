"""The prepared store: photographs scaled once, written as mapped shards and read back as a split."""
