"""The paper of each network, as BibTeX; CITATION.cff has the same and the rest."""

_KRIZHEVSKY = "Krizhevsky, Alex and Sutskever, Ilya and Hinton, Geoffrey E."
_SIMONYAN = "Simonyan, Karen and Zisserman, Andrew"

# Kind and key, then the fields.
_PAPERS: dict[str, tuple[str, dict[str, str | int]]] = {
    "nearest_neighbour": (
        "article{cover1967nearest",
        {
            "author": "Cover, Thomas M. and Hart, Peter E.", "title": "Nearest neighbor pattern classification",
            "journal": "IEEE Transactions on Information Theory", "volume": 13, "pages": "21--27", "year": 1967,
        },
    ),
    "eigenfaces": (
        "article{turk1991eigenfaces",
        {
            "author": "Turk, Matthew and Pentland, Alex", "title": "Eigenfaces for recognition",
            "journal": "Journal of Cognitive Neuroscience", "volume": 3, "pages": "71--86", "year": 1991,
        },
    ),
    "hog_svm": (
        "inproceedings{dalal2005histograms",
        {
            "author": "Dalal, Navneet and Triggs, Bill",
            "title": "Histograms of oriented gradients for human detection",
            "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition", "year": 2005,
        },
    ),
    "perceptron": (
        "book{rosenblatt1962principles",
        {
            "author": "Rosenblatt, Frank",
            "title": "Principles of Neurodynamics: Perceptrons and the Theory of Brain Mechanisms",
            "publisher": "Spartan Books", "year": 1962,
        },
    ),
    "neocognitron": (
        "article{fukushima1980neocognitron",
        {
            "author": "Fukushima, Kunihiko",
            "title": "Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition"
            " unaffected by shift in position",
            "journal": "Biological Cybernetics", "volume": 36, "pages": "193--202", "year": 1980,
        },
    ),
    "mlp": (
        "article{rumelhart1986learning",
        {
            "author": "Rumelhart, David E. and Hinton, Geoffrey E. and Williams, Ronald J.",
            "title": "Learning representations by back-propagating errors",
            "journal": "Nature", "volume": 323, "pages": "533--536", "year": 1986,
        },
    ),
    "lenet5": (
        "article{lecun1998gradient",
        {
            "author": "LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick",
            "title": "Gradient-based learning applied to document recognition",
            "journal": "Proceedings of the IEEE", "volume": 86, "number": 11, "pages": "2278--2324", "year": 1998,
        },
    ),
    "alexnet": (
        "inproceedings{krizhevsky2012imagenet",
        {
            "author": _KRIZHEVSKY, "title": "ImageNet classification with deep convolutional neural networks",
            "booktitle": "Advances in Neural Information Processing Systems 25", "year": 2012,
        },
    ),
    "vgg": (
        "inproceedings{simonyan2015very",
        {
            "author": _SIMONYAN, "title": "Very deep convolutional networks for large-scale image recognition",
            "booktitle": "International Conference on Learning Representations",
            "note": "arXiv:1409.1556, 2014", "year": 2015,
        },
    ),
    "torchvision": (
        "article{krizhevsky2014one",
        {
            "author": "Krizhevsky, Alex",
            "title": "One weird trick for parallelizing convolutional neural networks",
            "journal": "arXiv:1404.5997", "year": 2014,
        },
    ),
    "cuda_convnet": (
        "misc{krizhevsky2011cuda",
        {
            "author": "Krizhevsky, Alex", "title": "cuda-convnet",
            "howpublished": "https://code.google.com/archive/p/cuda-convnet", "year": 2011,
        },
    ),
    "convnetjs": (
        "misc{karpathy2014convnetjs",
        {
            "author": "Karpathy, Andrej", "title": "ConvNetJS",
            "howpublished": "https://github.com/karpathy/convnetjs", "year": 2014,
        },
    ),
}  # fmt: skip


def bibtex(network: str, variant: str) -> str | None:
    """The entry of the network's paper; None where no single paper describes it, as for softmax regression."""
    name = {"symmetry": "mlp"}.get(network, "vgg" if network.startswith("vgg") else network)
    found = _PAPERS.get("torchvision" if (network, variant) == ("alexnet", "torchvision") else name)
    if found is None:
        return None
    kind, fields = found
    return "\n".join([f"@{kind},", *(f"  {key} = {{{value}}}," for key, value in fields.items()), "}"])
