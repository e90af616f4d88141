"""The one exception that means "the user can put this right"."""


class InputError(ValueError):
    """Bad input: a file, key or value that the user gave, or one that is missing.

    The message is one clear sentence that names the thing and the way out. The command line prints it without a
    traceback and exits with status 2; every other exception is a programming error and keeps its traceback.
    """
