"""Results as data: Records and where they come from. No torch."""
