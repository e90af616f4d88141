"""One's own images, each in the folder of its class."""

from zoo.catalog import DATA
from zoo.data.files.folder import files_below, images_of_classes, is_image_file, split_folders, visible_folders
from zoo.data.files.listing import Listing, labelled
from zoo.data.files.module import FileImages


class ImageFolder(FileImages):
    """One's own images of any size in folders named after their classes, as torchvision's ``ImageFolder`` has them.

    ``root/<class>/...``, which is split by a hash of the files' names: a fifth is the test set (``num_test``), a tenth
    of the rest is held out for choosing (``num_held_out``). Or ``root/train/<class>/...`` with ``root/test``, or with
    ``root/val``, which is the test set then, as ImageNet's is; where there are both, ``val`` is what is held out. Files
    may lie in folders within; hidden ones are passed over. Images are turned as their EXIF orientation says.

    ``transform`` brings them to what a network reads:

    - 32x32 in colour, as CIFAR-10's: "standard", "crop_flip", "crop_flip_cutout", "convnetjs", "mean_image",
      "cuda_convnet", "raw"; 64x64: "standard_64", "crop_flip_64"
    - 28x28 grey, as MNIST's: "grey"; the same amid 32x32: "lenet5", "lenet5_distorted"
    - 224x224 (Caffe 227x227), as ImageNet's: "torchvision", "alexnet", "vgg" and the others of ``ImageNet``

    Of the first two kinds the centre square of each image is made small once, and kept in memory. ``name`` is what
    Records call the data, the folder's name unless given.

    Deviations and guesses: the small ones are normalised by the figures of CIFAR-10 and MNIST, not by the data's own.
    """

    facts = DATA["ImageFolder"]

    def listed(self) -> Listing:
        """The images of each folder. Raises InputError where there are none, or none that can be trained on."""
        found = {}
        for split, folder in split_folders(self.root).items():
            below = "" if folder == self.root else f"{folder.name}/"
            found[split] = [
                (f"{below}{name}", class_name, folder / name) for name, class_name in images_of_classes(folder)
            ]
        return labelled(found, str(self.root))

    def passed_over(self) -> list[str]:
        """The files of the class folders that are no images by their names."""
        places = [of_class for folder in split_folders(self.root).values() for of_class in visible_folders(folder)]
        found = [place / name for place in places for name in files_below(place)]
        return sorted(path.relative_to(self.root).as_posix() for path in found if not is_image_file(path.name))
