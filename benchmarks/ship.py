"""Makes weights to ship of a run: ``python benchmarks/ship.py RUN NAME [--dtype float16] [--root DATA]``.

Writes ``src/zoo/weights/shipped/NAME.safetensors`` and its card, scores the file that it wrote on the whole test set,
and prints both scores: the run's own and those of the file. What is too large for the wheel becomes an asset of a
release, with ``--url https://.../releases/download/v1.0 --out DIR``: the card ``DIR/NAME.json``, which goes into the
package, and the file to upload, under the name that ``zoo`` fetches it by.
"""

import argparse
import json
import sys
from pathlib import Path

from zoo.errors import InputError
from zoo.weights.cards import SHIPPED, asset_name
from zoo.weights.export.ship import write


def main() -> int:
    parser = argparse.ArgumentParser(description="Make weights to ship of a measured run.")
    parser.add_argument("run", help="a run folder with its record.json")
    parser.add_argument("name", help="<network>[-<variant>]/<dataset>[-<recipe>], such as lenet5/mnist")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "float16", "bfloat16"))
    parser.add_argument("--root", help="the folder of the data, where the run's config names another one")
    parser.add_argument("--out", help="where to write instead of the package")
    parser.add_argument("--url", help="the address below which the file will be uploaded; needs --out")
    options = parser.parse_args()
    try:
        if options.url is not None and options.out is None:
            raise InputError("--url is for a file that does not go into the package: say with --out where to write it.")
        out = options.out or SHIPPED
        card_file = write(options.run, options.name, out, options.dtype, options.root, options.url)
    except InputError as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    card = json.loads(Path(card_file).read_text(encoding="utf-8"))
    run, shipped = card["record"]["metrics"], card["scores"]
    print(f"{card_file}: {card['dtype']}, {card['bytes'] / 1e6:.2f} MB, {shipped['protocol']}, n = {shipped['n']:,}")
    print(f"top-1 wrong: run {run['top1_wrong']:,}, file {shipped['top1_wrong']:,}")
    print(f"top-5 wrong: run {run['top5_wrong']:,}, file {shipped['top5_wrong']:,}")
    if options.url is not None:
        print(f"to upload: {Path(out) / asset_name(card)}, as {card['url']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
