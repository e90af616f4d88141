"""ImageNet as files: which there are, how they are decoded, cut and turned into a network's input."""
