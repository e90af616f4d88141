"""Times training steps on a CPU as they are and compiled, and what compiling costs: where ``--compile true`` pays.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/speed/compile.py [--networks mlp vgg16-bn] [--write]

A step is forward, cross-entropy, backward and SGD with momentum on made images, the network alone compiled, as by
``zoo fit --compile true``; bfloat16 is autocast. Eager and compiled steps take turns, each turn at least half a second
long. The clock is the processor's time, that of the C++ compiler among it, without which torch compiles nothing for a
CPU. Compiling is the first two compiled steps less two others, with nothing in torch's cache. Medians over rounds.
"""

import argparse
import math
import os
import platform
import resource
import statistics
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "tables" / "compile.md"
# Network: what get_model takes, and the images of a step.
NETWORKS: dict[str, tuple[str, dict[str, Any], int]] = {
    "mlp": ("mlp", {}, 128),
    "lenet5-modern": ("lenet5", {"variant": "modern", "in_channels": 3}, 128),
    "cuda_convnet-11pct": ("cuda_convnet", {"variant": "11pct"}, 128),
    "alexnet-cifar": ("alexnet", {"variant": "cifar"}, 32),
    "vgg16-bn": ("vgg16", {"variant": "bn", "num_classes": 10, "input_size": 32, "head": "512"}, 32),
}
FORMS = ("float32", "bfloat16")
LEAST_SECONDS = 0.5


def seconds() -> float:
    """The processor's time of this process and of the compilers that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def took(step: Callable[[], None], times: int) -> float:
    """Seconds of so many steps."""
    began = seconds()
    for _ in range(times):
        step()
    return seconds() - began


def stepper(name: str, form: str, compiled: bool) -> Callable[[], None]:
    """One training step."""
    import torch

    import zoo

    network_name, options, batch = NETWORKS[name]
    torch.manual_seed(0)
    network: Any = zoo.get_model(network_name, **options).train()
    images, labels = torch.randn(batch, *network.input_shape), torch.randint(0, 10, (batch,))
    if form == "bfloat16":
        network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    rule = torch.optim.SGD(network.parameters(), 0.0, 0.9)
    if compiled:
        network.compile()

    def step() -> None:
        rule.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if form == "bfloat16" else nullcontext():
            logits = network(images)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        rule.step()

    return step


def row(name: str, form: str, rounds: int) -> str:
    """Images a second of both, their ratio, what compiling takes, and after how many steps it has paid."""
    import torch

    torch._dynamo.reset()
    batch = NETWORKS[name][2]
    eager, compiled = stepper(name, form, False), stepper(name, form, True)
    took(eager, 2)
    first = took(compiled, 2)
    times = max(1, math.ceil(LEAST_SECONDS / took(eager, 1)))
    pairs = [(took(eager, times) / times, took(compiled, times) / times) for _ in range(rounds)]
    before, after = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratios = [one / other for one, other in pairs]
    compiling, gain = first - 2 * after, before - after
    paid = f"{math.ceil(compiling / gain):,}" if min(ratios) > 1 else "never"
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    rates = f"{batch / before:,.0f} | {batch / after:,.0f}"
    return f"| {name} | {form} | {batch} | {rates} | {ratio} | {compiling:.0f} | {paid} |"


def main() -> None:
    """Measures, prints and, if asked to, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS], choices=[*NETWORKS])
    parser.add_argument("--forms", nargs="+", default=[*FORMS], choices=FORMS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    # In this process, whose time is read, and anew.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    head = ["network", "form", "batch", "eager, images/s", "compiled, images/s", "compiled / eager (range)"]
    head += ["compiling, s", "has paid after steps"]
    lines = [f"| {' | '.join(head)} |", "| --- | --- " + "| ---: " * (len(head) - 2) + "|"]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        import torch

        from zoo.training.allocator import keep_freed_memory

        keep_freed_memory(torch.device("cpu"))
        for name in options.networks:
            for form in options.forms:
                lines.append(row(name, form, options.rounds))
                print(lines[-1], flush=True)
    if options.write:
        note = f"torch {torch.__version__}, {platform.machine()} CPU, threads: {torch.get_num_threads()}, CPU time;"
        note += f" medians of {options.rounds} rounds in turns. `python benchmarks/speed/compile.py --write`"
        TABLE.write_text("\n".join(["# Compiled training steps on a CPU", "", *lines, "", note, ""]), "utf-8")


if __name__ == "__main__":
    main()
