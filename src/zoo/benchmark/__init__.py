"""``zoo benchmark``: trained weights measured under any protocol, one Record each."""
