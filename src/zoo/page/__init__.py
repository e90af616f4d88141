"""One page that holds all that is known of some networks, in one file that asks for nothing from outside."""
