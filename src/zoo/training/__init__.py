"""What drives Lightning: the command line's class and parser, checkpoints, loggers, what a run shows."""
