"""Experiments built from their configs, for the tests of configs and of networks."""

import torch
import yaml
from jsonargparse import ArgumentParser

import zoo.data
import zoo.models
from zoo.data.base import ImageDataModule
from zoo.models.classifier import Classifier


def built(path):
    """Data module and model of a config, the model on the meta device."""
    for package in (zoo.data, zoo.models):
        for name in package.__all__:
            getattr(package, name)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Classifier, "model")
    parser.add_subclass_arguments(ImageDataModule, "data")
    content = yaml.safe_load(path.read_text())
    with torch.device("meta"):
        made = parser.instantiate(parser.parse_object({key: content[key] for key in ("data", "model")}))
    return made.data, made.model
