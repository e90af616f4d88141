"""The verbs of the command line, one a file; ``zoo.cli`` imports the one that is meant."""
