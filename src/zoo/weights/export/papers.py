"""The paper of each network as BibTeX, from ``papers`` in ``benchmarks/published.yaml``."""

from zoo.results.published import load


def bibtex(network: str, variant: str) -> str | None:
    """The entry of the network's paper, or of the variant's own; None where no single paper describes it.

    Raises InputError where the file of published figures cannot be read.
    """
    papers = load().papers
    paper = papers.get(f"{network}/{variant}", papers[network])
    if paper is None:
        return None
    fields = {name: value for name, value in paper.items() if name not in ("type", "key")}
    lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
    return "\n".join([f"@{paper['type']}{{{paper['key']},", *lines, "}"])
