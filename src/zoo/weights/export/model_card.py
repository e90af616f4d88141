"""A model card as Hugging Face has them: Markdown for people behind YAML for machines."""

import inspect
import json
from typing import Any

import yaml

from zoo import __version__
from zoo.catalog import DATA, NETWORKS, data_named
from zoo.models.deviations import MARK, deviations_of
from zoo.models.network import Network
from zoo.results.published import load
from zoo.weights.preprocessing import is_ink
from zoo.weights.trained import Weights


def model_card(
    weights: Weights, network: Network, metadata: dict[str, str], title: str, card: dict[str, Any] | None
) -> str:
    """README.md for a folder with config.json and model.safetensors, and the zoo's own ``card`` if there is one."""
    data = _data_name(weights)
    sections = {
        "How it scores": _scores(weights, data),
        "Architecture": _architecture(network, metadata),
        "What it expects": _expects(weights, metadata),
        "How it was trained": _training(weights, data),
        "Limitations": _limitations(weights, network),
        "Use": _use(network, card is not None),
        "Cite": _citation(network),
    }
    licence = str((card or weights.meta).get("licence", "other"))
    front = _front_matter(weights, network, title, data, licence)
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    intro = _intro(network)
    intro += f" Trained on {_title(data)}."
    body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items())
    return f"---\n{head}---\n\n# {title}\n\n{intro}\n\n{body}\n"


def _intro(network: Network) -> str:
    if network.is_own:
        return f"A network of the class {network.name}, which is its author's and not the zoo's."
    entry = NETWORKS[network.name]
    return f"{network.name} ({entry.year}), variant {network.variant}: {entry.summary}."


def _data_name(weights: Weights) -> str:
    record = weights.meta.get("record") or {}
    known = DATA.get(weights.data.class_name)
    return str(record.get("dataset", {}).get("name") or (known.name if known else weights.data.class_name.lower()))


def _title(data: str) -> str:
    known = data_named(data)
    return known.title if known else data


def _hub_name(data: str) -> str | None:
    known = data_named(data)
    return known.hub if known else None


def scores_of(weights: Weights) -> dict[str, Any] | None:
    """Errors in percent with protocol and n: of these very weights where a card has them, otherwise of their run."""
    meta = weights.meta
    if meta.get("scores"):
        return dict(meta["scores"])
    record = meta.get("record")
    if record:
        return {"protocol": record["protocol"], "n": record["n"]} | record["metrics"]
    published = (meta.get("published") or {}).get("ImageNet-1K")
    if published:
        errors = {f"top{k}_error": round(100 - published[f"acc@{k}"], 3) for k in (1, 5)}
        return {"protocol": "single view", "n": 50_000, "source": "as torchvision states them"} | errors
    return None


def _front_matter(weights: Weights, network: Network, title: str, data: str, licence: str) -> dict[str, Any]:
    known = {"apache-2.0": "apache-2.0"}.get(licence.lower())
    head: dict[str, Any] = {"license": known or "other"}
    if not known:
        head["license_name"] = licence
    head |= {"library_name": "zoo", "pipeline_tag": "image-classification"}
    head["tags"] = ["image-classification", "zoo", network.name, f"{network.name}-{network.variant}"]
    if hub := _hub_name(data):
        head["datasets"] = [hub]
    head["metrics"] = ["accuracy"]
    scores = scores_of(weights)
    if scores:
        head["model-index"] = [{"name": title, "results": [_result(scores, data)]}]
    return head


def _result(scores: dict[str, Any], data: str) -> dict[str, Any]:
    metrics = [
        {"type": "accuracy", "name": f"top-{k} accuracy, {scores['protocol']}", "value": _accuracy(scores, k)}
        for k in (1, 5)
    ]
    dataset = {"name": _title(data), "type": _hub_name(data) or data, "split": "test"}
    return {"task": {"type": "image-classification"}, "dataset": dataset, "metrics": metrics}


def _accuracy(scores: dict[str, Any], k: int) -> float:
    """From 0 to 1, as the hub has it."""
    return float(round(1 - scores[f"top{k}_error"] / 100, 6))


def _scores(weights: Weights, data: str) -> str:
    scores = scores_of(weights)
    if not scores:
        return "Not measured yet: `zoo test` or `zoo benchmark` does it."
    known = data_named(data)
    split = f"{'validation' if known and known.test_split == 'val' else 'test'} images of {_title(data)}"
    source = f" ({scores['source']})" if "source" in scores else ""
    return (
        f"| protocol | n | top-1 error | top-5 error |\n| --- | ---: | ---: | ---: |\n"
        f"| {scores['protocol']} | {scores['n']:,} | {scores['top1_error']:.2f} % | {scores['top5_error']:.2f} % |\n\n"
        f"Counted on the {split}{source}, each once."
    )


def _architecture(network: Network, metadata: dict[str, str]) -> str:
    paragraphs = inspect.cleandoc(type(network.root).__dict__.get("__doc__") or "").split("\n\n")
    told = [p for p in paragraphs if not p.startswith(MARK)]
    departures = [text for _, text in deviations_of(type(network))]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    lines = [" ".join(p.replace("``", "`").split()) for p in (*told, *departures)]
    return "\n\n".join(
        [
            *lines,
            f"{parameters:,} parameters. In: {metadata['input']}. Out: {metadata['output']}. {metadata['precision']}.",
        ]
    )


def _expects(weights: Weights, metadata: dict[str, str]) -> str:
    preprocessing = json.loads(metadata["preprocessing"])
    lines = [f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in preprocessing.items()]
    text = "An image goes through these steps, in pixels of 0 to 255:\n\n" + "\n".join(lines)
    text += "\n\nThe input is (pixel - mean) / std."
    if "mean_image" in metadata:
        text += " The mean image is in model.safetensors as `preprocessing.mean_image`."
    names = weights.class_names
    few = ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:3])}, ... {names[-1]}"
    return f"{text}\n\nThe {len(names)} classes, in the order of the logits: {few}; all are in config.json."


def _plain(value: Any) -> str:
    return ", ".join(f"{number:g}" for number in value) if isinstance(value, list) else str(value)


def _training(weights: Weights, data: str) -> str:
    record, meta = weights.meta.get("record"), weights.meta
    if not record:
        recipe = meta.get("recipe") or meta.get("url")
        return f"Not by zoo: see {recipe}." if recipe else "Not by zoo; the file does not say how."
    timing = record["timing"]
    rows = {
        "data": f"{_title(data)}, fingerprint `{record['dataset']['fingerprint']}`",
        "config": meta.get("config") if isinstance(meta.get("config"), str) else None,
        "seed": record["seed"],
        "commit": f"`{(record['git'] or {}).get('commit')}`" if record["git"] else None,
        "epochs": timing.get("train_epochs"),
        "training time": f"{timing['train_seconds']:,.0f} s on {record['environment'].get('device')}",
        "sha256 of the weights": f"`{record['weights']['sha256']}`",
    }
    table = [f"| {key} | {value} |" for key, value in rows.items() if value is not None]
    experiment = {key: record["config"].get(key) for key in ("data", "model", "trainer")}
    # Where the data lay is nobody's business but the trainer's.
    data_args = {key: value for key, value in experiment["data"].get("init_args", {}).items() if key != "root"}
    experiment["data"] = experiment["data"] | {"init_args": data_args}
    # What a Trainer was not told.
    experiment["trainer"] = {key: value for key, value in experiment["trainer"].items() if value is not None}
    config = json.dumps(experiment, indent=2, default=str)
    return "\n".join(
        ["| what | value |", "| --- | --- |", *table, "", "The whole experiment:", "", "```json", config, "```"]
    )


def _limitations(weights: Weights, network: Network) -> str:
    known = "ten digits" if weights.class_names == [*"0123456789"] else f"the {network.num_classes} classes above"
    lines = [
        f"It knows {known} and nothing else: whatever it is shown, it names one of them, often with confidence.",
        *([] if network.is_own else ["It is a network of its time, kept for study: today's networks err less."]),
        "Its probabilities are the softmax of the logits and were not calibrated.",
    ]
    if is_ink(weights.data.class_name):
        lines.append("It was trained on light ink on black; what is dark on light must be inverted first.")
    return "\n".join(f"- {line}" for line in lines)


def _use(network: Network, has_card: bool) -> str:
    if network.is_own:
        code = f"from {network.name.rpartition('.')[0]} import {network.name.rpartition('.')[2]}\n\n"
        code += 'tensors = safetensors.torch.load_file("model.safetensors")\n'
        code += f"network = {network.name.rpartition('.')[2]}(...)  # as in config.json\n"
        code += 'network.load_state_dict({key.removeprefix("module."): value for key, value in tensors.items()})'
    elif has_card:
        code = 'import zoo\n\nweights = zoo.get_weights("model.safetensors")\n'
        code += "network, transforms = weights.network().eval(), weights.transforms()\n"
        code += 'probabilities = network(transforms("image.jpg")).softmax(-1)'
    else:
        code = 'import json\n\nimport safetensors.torch\nimport zoo\n\nconfig = json.load(open("config.json"))\n'
        code += 'network = zoo.get_model(config["network"], variant=config["variant"], **config["options"])\n'
        code += 'network.load_state_dict(safetensors.torch.load_file("model.safetensors"))\n'
        code += "network.eval()"
    return f"```python\n{code}\n```"


def _citation(network: Network) -> str:
    own = [
        "@software{zoo,",
        "  title = {zoo: the history of image recognition, re-run},",
        f"  version = {{{__version__}}},",
    ]
    paper = "" if network.is_own else load().bibtex(network.name, network.variant)
    entries = [paper, "\n".join([*own, "}"])]
    return "\n".join(["```bibtex", "\n\n".join(filter(None, entries)), "```"])
