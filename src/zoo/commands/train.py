"""``zoo fit|validate|test|predict``: the verbs that Lightning's Trainer carries out.

Their options are those of the constructors of data, model and trainer: ``zoo.training.cli`` declares them.
"""

from zoo.imports import import_large
from zoo.runs import check_launcher


def run(verb: str, args: list[str]) -> int:
    """Trains or measures, then prints the Record or the metrics. Raises InputError for bad input."""
    # Lightning reads them when it is imported.
    check_launcher()
    if args in (["--help"], ["-h"]):
        from zoo.report.prepared import help_of

        if ready := help_of(verb):
            print(ready, end="")
            return 0
    from zoo.training.arguments import checked

    # Once more than needed: what is wrong with the words is said at once, not after seconds of imports.
    checked(verb, args)
    # Lightning comes with it: what the next line imports is there by then.
    import_large("zoo.training.verbs")
    from zoo.training.verbs import main

    outcome = main(verb, args)
    if outcome is not None:
        from zoo.report.summary import print_outcome

        print_outcome(outcome.run_dir, outcome.record, outcome.metrics)
    return 0
