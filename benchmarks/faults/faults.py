"""The faults that ``planted.py`` plants: what is wrong, in which file, the two texts, and who should notice.

The old text stands exactly once in the file, which a test checks: when the code there changes, so does its fault, to
one that means the same. Every room of the package has some; a test that is dropped must leave none uncaught. A fault
that two checks keep out has more edits than one, for either check alone would still be right.
"""

from typing import NamedTuple


class Edit(NamedTuple):
    """In ``src/zoo/<file>``, ``new`` in place of ``old``."""

    file: str
    old: str
    new: str


class Fault(NamedTuple):
    """A small change to ``src/zoo/<file>``; ``tests`` are files, or single tests in them, below ``tests``.

    ``more`` are the edits beside the first, in the order in which they are made.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    more: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, the first one first."""
        return Edit(self.file, self.old, self.new), *self.more


def _in(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


# Whatever fails while a checkpoint's state is read, or while Lightning restores it, is a sentence: faults in the checks
# before it are seen where these are undone.
_STATE_IS_READ = Edit(
    "models/saved_training.py", "    except Exception as error:\n        raise unlike(",
    "    except ZeroDivisionError as error:\n        raise unlike(",
)  # fmt: skip
_LIGHTNING_RESTORES = Edit(
    "training/verbs.py", '        if any(Path(frame.filename).stem == "checkpoint_connector" and',
    "        if any(False and",
)  # fmt: skip

FAULTS = (
    # Foundations.
    Fault(
        "no garbage is looked for after an import", "imports.py", "        if was_enabled:", "        if False:",
        ("test_imports.py",),
    ),
    Fault(
        "uniform numbers reach up to 2", "keyed.py", "* 2.0**-24", "* 2.0**-23", ("test_keyed.py",),
    ),
    Fault(
        "no crop begins in the last row that it may", "views.py", "numbers[:, 0] * (height - size + 1)",
        "numbers[:, 0] * (height - size)", ("test_views.py",),
    ),
    Fault(
        "the middle crop is rounded down", "views.py", "round((images.shape[2] - size) / 2)",
        "(images.shape[2] - size) // 2", ("test_views.py",),
    ),
    Fault(
        "a report's interval is that of the top-5 error", "page/facts.py",
        'error_interval(metrics["top1_wrong"], subject.record.n)',
        'error_interval(metrics["top5_wrong"] or 0, subject.record.n)',
        _in("page/test_report.py", "test_it_answers_which_how_on_what_how_good_beside_what_and_what_was_guessed"),
    ),
    Fault(
        "a page of the demo is full only when it is too large", "demo/page.py", "total + 1.02 * len(script) > MOST",
        "total > MOST", _in("demo/test_demo_verb.py", "test_what_does_not_fit_is_left_out_and_named"),
    ),
    Fault(
        "the page's weights are twice as coarse", "weights/export/page.py", "_STEP, _LARGEST_STEP = 0.5e-6, 1.25",
        "_STEP, _LARGEST_STEP = 1e-6, 2.5",
        _in("demo/test_demo_verb.py",
            "test_coarse_weights_are_half_a_root_mean_square_apart_for_each_million_of_them"),
    ),
    Fault(
        "the runs of a sweep are ranked as they were asked for", "sweeps/ranking.py",
        "sorted(rows, key=lambda row: (row.error is None, row.error or 0.0))", "rows",
        _in("sweeps/test_sweep.py", "test_seeds_share_a_row_and_what_is_missing_is_told"),
    ),
    Fault(
        "a lock keeps nobody out", "files.py", "fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH if wait else fcntl.LOCK_SH | fcntl.LOCK_NB", ("test_files.py",),
    ),
    Fault(
        "a folder whose time of change was set back is believed", "data/photos/folder_index.py",
        "found.st_mtime_ns, found.st_ctime_ns", "found.st_mtime_ns, 0", ("data/photos/test_folder_index.py",),
    ),
    Fault(
        "an index is believed whatever became of its bytes", "data/photos/folder_index.py",
        "if digest.decode() != hashlib.sha256(body).hexdigest():", "if not digest:",
        _in("data/photos/test_folder_index.py", "test_a_damaged_index_is_never_believed"),
    ),
    Fault(
        "paths are sorted as text, not part by part", "data/photos/file_names.py",
        'key=lambda folder: folder.split("/")', "key=None",
        _in("data/photos/test_folder_index.py", "test_names_in_blocks_are_a_list_of_paths"),
    ),
    Fault(
        "a model is looked for in its network's file", "catalog.py", 'return f"{self.module}_model" if',
        "return self.module if",
        _in("models/test_without_lightning.py", "test_networks_and_their_weights_import_no_lightning_and_models_do"),
    ),
    Fault(
        "MNIST has another number of test images", "catalog.py", "(980, 1135, 1032,", "(980, 1135, 1023,",
        ("data/test_facts.py",),
    ),
    Fault(
        "what changes no number is said to be chance", "options.py", "ChangesNoNumber = Annotated[T, _NO_NUMBER]",
        "ChangesNoNumber = Annotated[T, _CHANCE]", ("results/test_experiment_options.py",),
    ),
    Fault(
        "bad input ends with status 1", "cli.py", "        return 2\n    except Diverged",
        "        return 1\n    except Diverged", ("test_cli.py",),
    ),
    Fault(
        "a quota that is used up is a fault of the program", "output.py", "errno.ENOSPC, errno.EDQUOT,",
        "errno.ENOSPC,",
        _in("test_output.py", "test_a_disk_that_nobody_foresaw_is_told_in_one_sentence"),
    ),
    Fault(
        "what UTF-8 lacks is refused, too", "output.py", 'errors == "strict" or (', "(",
        _in("test_output.py", "test_what_an_encoding_lacks_is_escaped_as_in_json"),
    ),
    Fault(
        "of a worker's error its traceback is told", "output.py", 'rpartition("InputError: ")[2]',
        'rpartition("InputError: ")[0]', ("test_output.py",),
    ),
    Fault(
        "a sign beyond the first 65,536 is escaped as one", "output.py", '"utf-16-be", "surrogatepass"',
        '"utf-32-be", "surrogatepass"', ("test_output.py",),
    ),
    # Layers and learning rules.
    Fault(
        "subsampling takes the mean, not the sum", "layers/lenet.py", ".sum(dim=(3, 5))", ".mean(dim=(3, 5))",
        ("layers/test_layers.py",),
    ),
    Fault(
        "alpha is divided by the size of the window", "layers/normalization.py", ".mul_(alpha).add_(k)",
        ".mul_(alpha / size).add_(k)", ("layers/test_layers.py",),
    ),
    Fault(
        "local filters are transposed", "layers/local.py", "for i in range(size) for j in range(size)",
        "for j in range(size) for i in range(size)", ("layers/test_layers_cuda_convnet.py",),
    ),
    Fault(
        "dropout's units are scaled by p at test time", "layers/units.py", "x * (1 - self.p)", "x * self.p",
        _in("models/test_alexnet.py",
            "test_dropout_of_2012_leaves_units_out_with_chance_p_and_scales_all_by_the_rest_at_test_time"),
    ),
    Fault(
        "a neighbour at the k-th distance votes twice", "layers/neighbours.py", "(distances < kth, distances == kth)",
        "(distances <= kth, distances == kth)", ("layers/test_neighbours.py",),
    ),
    Fault(
        "C-cells are inhibited by the mean over images", "layers/neocognitron.py",
        "excitation.mean(dim=1, keepdim=True)", "excitation.mean(dim=0, keepdim=True)",
        ("models/test_neocognitron.py",),
    ),
    Fault(
        "photocells are on where an image has one grey value", "layers/perceptron.py", "(cells > middle)",
        "(cells >= middle)",
        _in("models/test_perceptron.py",
            "test_the_retina_sees_neither_brightness_nor_contrast_and_nothing_on_plain_grey"),
    ),
    Fault(
        "the rate drops one step late", "optim/schedules.py", "epoch >= drop", "epoch > drop",
        ("optim/test_optim.py",),
    ),
    Fault(
        "weights move before the velocity has the gradient", "optim/sgd.py",
        "        torch._foreach_add_(velocities, gradients, alpha=-rate)\n"
        "        torch._foreach_add_(weights, velocities)\n",
        "        torch._foreach_add_(weights, velocities)\n"
        "        torch._foreach_add_(velocities, gradients, alpha=-rate)\n",
        ("optim/test_sgd.py",),
    ),
    Fault(
        "weight decay is not multiplied by the rate", "optim/sgd.py", "alpha=-decay * rate", "alpha=-decay",
        ("optim/test_sgd.py",),
    ),
    Fault(
        "mu stands outside the fraction", "optim/sdlm.py", '1 / (group["mu"] + curvatures[p])',
        '1 / group["mu"] + curvatures[p]', ("optim/test_sdlm.py",),
    ),
    Fault(
        "a sum of 0 is a right answer", "optim/error_correction.py", "targets[n] * sums[n] <= 0",
        "targets[n] * sums[n] < 0", ("optim/test_optim.py",),
    ),
    # Networks and how they are trained.
    Fault(
        "dropout is keyed without the step", "models/classifier.py", '"dropout", step, rank', '"dropout", rank',
        ("models/test_dropout.py",),
    ),
    Fault(
        "biases decay", "models/classifier.py", "if not self.bias_decay:", "if self.bias_decay:",
        ("optim/test_optim.py",),
    ),
    Fault(
        "the schedule is one step behind", "models/classifier.py", "schedule.factor(step / per_epoch, epochs)",
        "schedule.factor(max(0, step - 1) / per_epoch, epochs)",
        ("optim/test_optim.py",),
    ),
    Fault(
        "the loss is not scaled by the number of processes", "models/classifier.py", ".clamp(min=1) * world_size",
        ".clamp(min=1)",
        _in("training/test_training.py", "test_two_processes_score_each_test_image_once_and_train_the_same_weights"),
    ),
    Fault(
        "a test has the precision of training", "models/classifier.py", "with full_float32(self.device):",
        "with torch.no_grad():", ("evaluation/test_precision.py",),
    ),
    Fault(
        "C3's bound leaves out how many maps it reads", "models/lenet5.py",
        "2.4 / (len(row) * module.kernel_size[0] ** 2)", "2.4 / module.kernel_size[0] ** 2",
        _in("models/test_models.py", "test_lenet5_starts_within_the_bounds_of_appendix_a"),
    ),
    Fault(
        "a map of C3 reads another map than in Table I", "models/lenet5.py", "(0, 4, 5), (0, 1, 5),",
        "(0, 4, 5), (0, 1, 4),", ("layers/test_layers.py",),
    ),
    Fault(
        "the second derivative has a wrong sign", "models/lenet5_model.py", "- (shares * slopes).sum(dim=1).square()",
        "+ (shares * slopes).sum(dim=1).square()", ("optim/test_sdlm.py",),
    ),
    Fault(
        "the zeros lie at the left and the top", "models/alexnet.py", "nn.ZeroPad2d((0, 3, 0, 3))",
        "nn.ZeroPad2d((3, 0, 3, 0))",
        _in("models/test_alexnet.py", "test_features_are_the_chain_written_out_tower_by_tower"),
    ),
    Fault(
        "what torch would have drawn is drawn by half", "models/unfilled.py", "range(drawn // _AT_ONCE)",
        "range(drawn // _AT_ONCE // 2)",
        _in("models/test_unfilled.py", "test_a_seed_means_the_weights_that_torchs_own_were_drawn_before"),
    ),
    Fault(
        "trained weights move the stream that they take nothing from", "models/unfilled.py",
        "    if _times_entered():\n        return\n", "",
        _in("models/test_unfilled.py", "test_no_random_number_is_drawn_for_a_parameter"),
    ),
    Fault(
        "a jump leaves out the block that was begun", "models/jump_ahead.py",
        "divmod(WORDS - int(left[0]) + draws, WORDS)", "divmod(draws, WORDS)",
        _in("models/test_jump_ahead.py", "test_a_jump_leaves_the_state_and_the_numbers_that_drawing_leaves"),
    ),
    Fault(
        "what follows a jump depends on bits that the recurrence leaves out", "models/jump_ahead.py",
        "_followed(block)[1:], WORDS", "_followed(block), WORDS",
        _in("models/test_jump_ahead.py", "test_a_jump_leaves_the_state_and_the_numbers_that_drawing_leaves"),
        (Edit("models/jump_ahead.py", "_power(steps - 1)", "_power(steps)"),),
    ),
    Fault(
        "AlexNet's layers begin where the stream is", "models/alexnet.py",
        "            pass_over(self.children())\n", "",
        _in("models/test_unfilled.py", "test_a_seed_means_the_weights_that_torchs_own_were_drawn_before"),
    ),
    Fault(
        "windows run over both towers' maps", "models/alexnet.py",
        'groups = 2 if variant in ("paper", "cifar") else 1', "groups = 1",
        _in("models/test_alexnet.py", "test_features_are_the_chain_written_out_tower_by_tower"),
    ),
    Fault(
        "a deeper VGG takes three convolutions of net A", "models/vgg.py", '"conv3_1", "conv3_2", "fc6"',
        '"conv3_1", "fc6"', ("training/test_init_from.py",),
    ),
    Fault(
        "a layer decays by a tenth", "models/cuda_convnet_model.py", '"fc10": 1.0}', '"fc10": 0.1}',
        _in("models/test_cuda_convnet.py",
            "test_every_layer_reaches_the_optimiser_with_its_own_weight_decay_and_biases_with_none"),
    ),
    Fault(
        "the demo's decay is that of a sum of four", "models/convnetjs_model.py", "weight_decay=2.5e-5",
        "weight_decay=1e-4",
        _in("models/test_convnetjs.py",
            "test_one_step_of_the_model_is_one_step_of_the_demo_with_decay_on_weights_only"),
    ),
    Fault(
        "the mean of the learner's weights has the start in it", "models/perceptron_model.py",
        "mean.lerp_(current, 1 / self.global_step)", "mean.lerp_(current, 1 / (self.global_step + 1))",
        ("optim/test_optim.py",),
    ),
    Fault(
        "inhibition grows as fast as excitation", "models/neocognitron_model.py", "b = step / 2 * cells.inhibition(u)",
        "b = step * cells.inhibition(u)", ("models/test_neocognitron.py",),
    ),
    Fault(
        "back-propagation is counted as two forward passes", "models/ledger.py", '    3, "back-propagation',
        '    2, "back-propagation',
        _in("models/test_ledger.py", "test_a_record_holds_the_counts_of_the_literature_and_the_threads"),
    ),
    Fault(
        "a run that was killed before its first checkpoint has its rows of metrics twice", "training/checkpoints.py",
        "            logger.cut(num_rows)", "            num_rows and logger.cut(num_rows)",
        _in("training/test_resume.py", "test_killed_before_the_first_checkpoint"),
    ),
    Fault(
        "a checkpoint between two epochs counts a batch that is not begun", "models/resuming.py",
        'step["total"] = dict.fromkeys(step["total"], step["total"]["processed"])',
        'step["total"] = step["total"] | {"ready": step["total"]["processed"] + 1}',
        _in("training/test_resume.py", "test_stopped_with_other_ends_and_other_validations"),
    ),
    Fault(
        "batch normalisation is not synchronised unless it is asked for", "training/cli.py",
        'trainer_defaults={"sync_batchnorm": True},', 'trainer_defaults={"sync_batchnorm": False},',
        _in("training/test_batch_norm.py", "test_a_run_asks_for_it_unless_the_user_typed_otherwise"),
    ),
    Fault(
        "a Record forgets what batch normalisation saw", "evaluation/recorder.py",
        "batch_norm_images=self.batch_norm_images or None,", "batch_norm_images=None,",
        _in("training/test_batch_norm.py", "test_one_process_and_two_are_two_experiments_and_the_two_say_so"),
    ),
    Fault(
        "a resumed epoch leaves out a batch", "models/resuming.py",
        "go_on_at(loop.epoch_progress.current.processed, steps)",
        "go_on_at(loop.epoch_progress.current.processed, steps + 1)",
        _in("training/test_resume.py", "test_stopped_after_any_step"),
    ),
    Fault(
        "a checkpoint has not the mistakes that wait to be counted", "models/resuming.py",
        "        counts.settle()\n        # The bits", "        # The bits",
        _in("training/test_resume.py", "test_stopped_after_any_step"),
    ),
    Fault(
        "counts are given before all are counted", "evaluation/metrics.py",
        "        self.settle()\n        super().sync", "        super().sync",
        _in("evaluation/test_metrics.py", "test_batches_of_any_size_add_up_to_the_same_counts"),
    ),
    Fault(
        "losses that wait are the loss's own memory", "evaluation/metrics.py", "losses.detach().clone()",
        "losses.detach()", ("evaluation/test_metrics.py",),
    ),
    Fault(
        "a batch that is counted at once comes before those that wait", "evaluation/metrics.py",
        "        self.settle()\n        self._count([(logits, labels, losses)])",
        "        self._count([(logits, labels, losses)])",
        ("evaluation/test_metrics.py",),
    ),
    Fault(
        "keys of dropout are those of every 64th step", "models/classifier.py",
        "range(block * _KEYS, (block + 1) * _KEYS)", "range(block, block + _KEYS)", ("models/test_dropout.py",),
    ),
    # Data in memory.
    Fault(
        "mean and standard deviation are swapped", "data/transforms.py",
        "CIFAR10 = _of_colour(MEAN_CIFAR10, STD_CIFAR10)", "CIFAR10 = _of_colour(STD_CIFAR10, MEAN_CIFAR10)",
        _in("data/test_cifar10.py",
            "test_normalisation_is_p_over_255_minus_mean_over_std"),
    ),
    Fault(
        "the standard deviation that many copy", "data/transforms.py", "STD_CIFAR10 = (0.2470, 0.2435, 0.2616)",
        "STD_CIFAR10 = (0.2023, 0.1994, 0.2010)", ("data/test_cifar10_transforms.py", "data/test_cifar10.py"),
    ),
    Fault(
        "enlarged pixels are cut off, not rounded", "data/transforms.py", "resized.round().to(torch.uint8)",
        "resized.to(torch.uint8)",
        _in("data/test_transforms.py", "test_small_images_are_enlarged_linearly_into_the_middle"),
    ),
    Fault(
        "what is held out is trained on", "data/base.py",
        "InMemory(images, labels, train, self.transform, self.seed)",
        "InMemory(images, labels, torch.arange(len(labels)), self.transform, self.seed)",
        _in("data/test_digits_mnist.py", "test_no_image_of_digits_is_in_two_slices"),
    ),
    Fault(
        "held-out images are augmented", "data/base.py", "InMemory(images, labels, val, self.transform, None)",
        "InMemory(images, labels, val, self.transform, self.seed)",
        _in("data/test_cifar10.py", "test_val_and_test_are_not_augmented_and_come_in_order"),
    ),
    Fault(
        "held-out images are in the mean image", "data/base.py", 'transform.fitted(splits["train"].images)',
        'transform.fitted(torch.cat([splits[split].images for split in ("train", "val")]))',
        ("data/test_cifar10_transforms.py",),
    ),
    Fault(
        "every epoch has the same order", "data/sampling.py", 'keyed.key(self.seed, "order", self.epoch)',
        'keyed.key(self.seed, "order")', ("data/test_sampling.py",),
    ),
    Fault(
        "the short last step is not counted", "data/sampling.py", "math.ceil(self.n / self.batch_size)",
        "self.n // self.batch_size", ("data/test_sampling.py",),
    ),
    Fault(
        "every epoch has the same augmentation", "data/memory.py", 'keyed.key(self.seed, "augment", epoch)',
        'keyed.key(self.seed, "augment")',
        _in("data/test_cifar10.py", "test_an_image_is_augmented_alike_in_any_batch_and_anew_in_each_epoch"),
    ),
    Fault(
        "the smallest remainder is rounded up first", "data/splits.py", "(-remainders[i], i)", "(remainders[i], i)",
        ("data/test_splits.py",),
    ),
    Fault(
        "a squeezed digit grows", "data/distortions.py", "torch.exp(SCALE * scale - SQUEEZE * squeeze)",
        "torch.exp(SCALE * scale + SQUEEZE * squeeze)", ("data/test_distortions.py",),
    ),
    Fault(
        "the darkest ink of the digits overflows", "data/digits.py", "(255 / 16)", "(256 / 16)",
        ("data/test_digits_mnist.py",),
    ),
    Fault(
        "colours are taken for columns", "data/cifar.py", ".view(-1, 3, 32, 32)",
        ".view(-1, 32, 32, 3).permute(0, 3, 1, 2)",
        _in("data/test_cifar10.py", "test_both_layouts_give_the_pixels_and_labels_that_were_written"),
    ),
    Fault(
        "the labels of CIFAR-100 are the coarse ones", "data/cifar.py", "records[:, form.label_bytes - 1]",
        "records[:, 0]",
        _in("data/test_official_sets.py", "test_the_binary_version_of_cifar100_has_its_fine_labels_second"),
    ),
    Fault(
        "STL-10's images lie on their side", "data/stl10.py", ".transpose(2, 3).contiguous()", "",
        _in("data/test_official_sets.py", "test_what_is_fetched_is_read_as_torchvision_reads_it"),
    ),
    Fault(
        "a house number's nought is class 10", "data/svhn.py", "labels.astype(np.int64) % 10",
        "labels.astype(np.int64)",
        _in("data/test_official_sets.py", "test_a_house_number_s_zero_is_class_0"),
    ),
    # One's own images.
    Fault(
        "what is held out goes by the folder's name", "data/files/module.py",
        'carved(train, self.num_held_out, type(self).name, "held out")',
        'carved(train, self.num_held_out, self.name, "held out")',
        _in("data/files/test_image_folder.py", "test_one_folder_is_split_by_its_names_in_proportion"),
    ),
    Fault(
        "images for choosing are tested on", "data/files/folder.py", "    if not test:\n", "    if val:\n",
        _in("data/files/test_image_folder.py", "test_folders_that_make_splits"),
    ),
    Fault(
        "one's own pictures are not turned", "data/photos/decode.py", "_eight_bits(_upright(image), path)",
        "_eight_bits(image, path)",
        _in("data/files/test_image_folder.py", "test_pictures_are_turned_as_they_ask_and_transparency_is_white"),
    ),
    Fault(
        "a photo's view is cut out a row too low", "data/photos/decoders.py", "pixels.reshape(-1)[top * stride",
        "pixels.reshape(-1)[(top + 1) * stride",
        ("data/photos/test_photo_parts.py",),
    ),
    Fault(
        "the fast decoder forgets to mirror", "data/photos/fast_decoder.py", "return cv2.flip(pixels, 1), size",
        "return pixels, size",
        _in("data/photos/test_photo_fast.py", "test_mirrored_is_mirrored"),
    ),
    Fault(
        "numbers for classes are sorted as words", "data/files/listing.py", "sorted(found, key=int)", "sorted(found)",
        _in("data/files/test_csv_images.py", "test_other_names_of_columns_and_numbers_for_classes"),
    ),
    Fault(
        "the order of a table's rows matters", "data/csv_images.py", "split: sorted(images) for", "split: images for",
        _in("data/files/test_csv_images.py", "test_the_order_of_the_rows_changes_nothing"),
    ),
    Fault(
        "other programs' hidden folders are read", "data/files/folder.py",
        '[name for name in folders if not name.startswith(".")]', "[*folders]",
        _in("data/files/test_image_folder.py", "test_hidden_and_other_files_are_passed_over"),
    ),
    Fault(
        "a val beside a test is the test set", "data/files/table.py", 'if "val" in splits and "test" not in splits:',
        'if "val" in splits:', ("data/files/test_csv_images.py", "data/files/test_huggingface.py"),
    ),
    Fault(
        "half of a large set is held out", "data/files/listing.py",
        "min(MOST_HELD_OUT, num_train // HELD_OUT_SHARE)", "num_train // HELD_OUT_SHARE",
        _in("data/files/test_image_folder.py", "test_of_a_large_set_no_more_is_held_out_than_of_imagenet"),
    ),
    Fault(
        "a spreadsheet's mark belongs to the first column", "data/files/table.py", '"utf-8-sig"', '"utf-8"',
        _in("data/files/test_csv_images.py", "test_a_table_of_a_spreadsheet_is_read"),
    ),
    Fault(
        "class 3 of a column with gaps is 3.0", "data/files/table.py",
        "int(value) if isinstance(value, float) and value.is_integer() else value", "value",
        ("data/files/test_csv_images.py",),
    ),
    Fault(
        "64x64 images are shifted as far as CIFAR-10's", "data/files/transforms.py", "reach=8", "reach=4",
        _in("data/files/test_image_folder.py",
            "test_small_images_are_shifted_by_an_eighth_of_their_side_and_mirrored"),
    ),
    Fault(
        "a file's class is no part of the fingerprint", "data/files/module.py",
        "{split}\\t{self.listing.class_names[label]}\\t{name}", "{split}\\t{name}",
        _in("data/files/test_csv_images.py", "test_the_order_of_the_rows_changes_nothing"),
    ),
    # Digits on paper.
    Fault(
        "the centre of mass is cut to whole pixels", "data/paper/form.py", "round(SIDE / 2 - at)", "int(SIDE / 2 - at)",
        ("data/paper/test_find.py",),
    ),
    Fault(
        "upright lines are ink", "data/paper/ruling.py", "for turn in (False, True):", "for turn in (False,):",
        ("data/paper/test_find.py",),
    ),
    Fault(
        "a row is read from right to left", "data/paper/parts.py",
        "sorted(row, key=lambda digit: digit.box[1] + digit.box[3])",
        "sorted(row, key=lambda digit: -digit.box[1] - digit.box[3])",
        _in("data/paper/test_find.py", "test_several_digits_are_read_by_rows_from_the_left"),
    ),
    Fault(
        "a digit's box is that of the image it was looked for in", "data/paper/find.py", "round(edge / scale)",
        "round(edge)", ("data/paper/test_find.py",),
    ),
    Fault(
        "strokes are never wide", "data/paper/find.py", "    if not _whole(best, wide.ink):\n", "    if False:\n",
        ("data/paper/test_find.py",),
    ),
    Fault(
        "the closing is of one width for every image", "data/paper/density.py",
        "max(3, round(widest * min(grey.shape)))", "9", ("data/paper/test_find.py",),
    ),
    Fault(
        "the header of an IDX file is not looked at", "data/idx.py", "data[: len(header)] != header or ", "",
        ("data/test_digits_mnist.py",),
    ),
    Fault(
        "a download's checksum is not compared", "data/download.py", "if found != expected:", "if not found:",
        _in("data/test_download.py", "test_a_wrong_checksum_keeps_nothing"),
    ),
    Fault(
        "the rest of another file is taken for this one's", "data/unfinished_download.py",
        "self.size == other.size and self.mark == other.mark", "self.size == other.size",
        ("data/test_download_resume.py",),
    ),
    Fault(
        "covariances are divided by N", "data/statistics.py", "(n * (n - 1))", "(n * n)",
        _in("data/store/test_store.py", "test_the_statistics_are_numpys_over_all_pixels_of_the_centre_squares"),
    ),
    # Photographs, the prepared store, streams, checks.
    Fault(
        "AlexNet's crops have 32 offsets each way", "data/photos/crops.py", "int(number * 33)", "int(number * 32)",
        ("data/test_transforms.py",),
    ),
    Fault(
        "the long side is rounded, not cut", "data/photos/crops.py",
        "(side * width // short, side * height // short)",
        "(round(side * width / short), round(side * height / short))", ("data/test_transforms.py",),
    ),
    Fault(
        "the centre crop is rounded down", "data/photos/transforms.py", "round((side - self.size) / 2)",
        "(side - self.size) // 2", ("data/test_transforms.py",),
    ),
    Fault(
        "the principal components are columns", "data/photos/transforms.py", "spread @ self.components",
        "spread @ self.components.T", ("data/test_transforms.py",),
    ),
    Fault(
        "the last rows of a part lack the colour of the next", "data/photos/jpeg_rows.py", "MARGIN = 2", "MARGIN = 0",
        _in("data/photos/test_photo_parts.py", "test_every_row_that_is_left_is_as_it_was"),
    ),
    Fault(
        "the upper part of a photo that was cut off will do", "data/photos/jpeg_rows.py", " and data.endswith(END)", "",
        _in("data/photos/test_photo_parts.py", "test_what_is_no_plain_file_is_left_to_pillow"),
    ),
    Fault(
        "a flaw in the rows that are kept is passed over", "data/photos/equal_pixels.py",
        "in_part and PASSED_OVER.match(str(error))", "in_part",
        _in("data/photos/test_equal_pixels.py", "test_a_flaw_in_the_rows_that_are_kept_is_pillows_to_judge"),
    ),
    Fault(
        "pixels that are not Pillow's are taken for them", "data/photos/equal_pixels.py", "all(_same(", "any(_same(",
        _in("data/photos/test_equal_pixels.py", "test_a_library_whose_pixels_differ_is_not_used"),
    ),
    Fault(
        "views decoded on a GPU stand on their heads", "data/photos/on_gpu.py", "pixels.flip(2)", "pixels.flip(1)",
        _in("data/photos/test_photo_gpu.py", "test_views_are_pillows_but_for_a_grey_level"),
    ),
    Fault(
        "a loader is left only once its thread no longer hangs", "data/loader.py", "pool.close(0 if late else None)",
        "pool.close(None)",
        _in("data/test_hanging_worker.py", "test_a_thread_that_never_delivers_ends_the_run_and_is_not_waited_for"),
    ),
    Fault(
        "a photograph that holds up a measurement is not named", "data/protocol_images.py",
        "            reading(position)\n", "",
        _in("data/test_hanging_worker.py", "test_of_photographs_for_protocols_too"),
    ),
    Fault(
        "threads make a list of a batch for protocols", "data/loader.py",
        'return type(made)(*parts) if hasattr(made, "_fields") else list(parts)', "return list(parts)",
        _in("data/photos/test_protocol_batches.py", "test_they_are_made_as_batches_of_training_are"),
    ),
    Fault(
        "workers outlive the measurement for which they read", "data/base.py",
        "persistent_workers=workers > 0 and not once", "persistent_workers=workers > 0",
        _in("data/photos/test_protocol_batches.py", "test_workers_do_not_outlive_a_measurement"),
    ),
    Fault(
        "an interrupted measurement ends as one that failed", "cli.py",
        "if isinstance(error.__context__, KeyboardInterrupt):", "if False:",
        _in("benchmark/test_benchmark_verb.py", "test_one_that_is_interrupted_ends_as_interrupted_commands_do"),
    ),
    Fault(
        "the crop decides whether a view is mirrored", "data/photos/transforms.py", "if numbers[-1] < 0.5",
        "if numbers[0] < 0.5", ("data/photos/test_photo_distributions.py",),
    ),
    Fault(
        "colours follow from the crop", "data/photos/photos.py", 'keyed.key(self.seed, "color", draw.epoch)',
        'keyed.key(self.seed, "augment", draw.epoch)',
        _in("data/photos/test_imagenet.py", "test_colour_shifts_are_independent_of_crop_and_flip"),
    ),
    Fault(
        "validation images are counted from 0", "data/photos/val_labels.py", "enumerate(last, start=1)",
        "enumerate(last, start=0)",
        _in("data/photos/test_imagenet.py", "test_a_flat_val_takes_its_labels_from_either_official_file"),
    ),
    Fault(
        "labels are places among the classes of val", "data/photos/labelled.py", "in enumerate(train)}",
        "in enumerate(val)}",
        _in("data/photos/test_imagenet.py", "test_classes_that_val_lacks_keep_the_labels_of_train"),
    ),
    Fault(
        "white of 16 bits is 255 and overflows", "data/photos/decode.py", "+ 128) // 257)", "+ 128) // 256)",
        ("data/photos/test_decode.py",),
    ),
    Fault(
        "a thumbnail's end is a photo's", "data/photos/inspection.py",
        "data.rfind(END_OF_IMAGE) > data.rfind(START_OF_SCAN)", "END_OF_IMAGE in data",
        _in("data/verify/test_verify.py", "test_a_jpeg_cut_anywhere_is_truncated_even_where_pillow_decodes_it"),
    ),
    Fault(
        "photos are scaled without antialiasing", "data/store/resizing.py", ", antialias=True", "",
        ("data/store/test_resizing.py",),
    ),
    Fault(
        "a store's digest takes its photos class by class", "data/store/index.py",
        "sorted(range(len(paths)), key=paths.__getitem__)", "range(len(paths))",
        _in("data/store/test_store.py", "test_a_store_and_a_manifest_have_one_digest"),
    ),
    Fault(
        "the path of a photo in the working folder begins at the disk's root", "data/photos/file_names.py",
        'str(root / "_")[:-1]', 'str(root / "_")[:-2] + "/"',
        _in("data/photos/test_folder_index.py", "test_the_text_of_a_path_is_pathlibs"),
    ),
    Fault(
        "a large photo's width is decoded for its height", "data/photos/fast_decoder.py",
        "math.ceil(decoded[1] * min(1.0, down))", "math.ceil(decoded[1] * min(1.0, across))",
        _in("data/photos/test_photo_fast.py", "test_a_side_that_is_shrunk_less_decides"),
    ),
    Fault(
        "a slice of names forgets its step", "data/photos/file_names.py",
        "range(*place.indices(len(self)))", "range(*place.indices(len(self))[:2])",
        _in("data/photos/test_folder_index.py", "test_names_in_blocks_are_a_list_of_paths"),
    ),
    Fault(
        "a photo is read where the next one begins", "data/store/index.py", "length.cumsum() - length for",
        "length.cumsum() for",
        _in("data/store/test_store.py", "test_the_stored_pixels_labels_and_names_are_those_of_the_files"),
    ),
    Fault(
        "the digest of a store's tables is not compared", "data/store/format.py",
        'if digest_of(path) != index["sha256"][TABLES]:', "if not path.is_file():",
        _in("data/store/test_store.py", "test_training_refuses_a_damaged_store"),
    ),
    Fault(
        "two processes prepare one store", "data/store/writer.py", "if not lock(mark):", "if mark.closed:",
        _in("data/store/test_store.py", "test_of_two_processes_that_prepare_one_store_the_second_is_refused"),
    ),
    Fault(
        "streamed images are augmented by their place in the stream", "data/stream/module.py",
        "keyed.uniforms(stream, keys, self.transform.num_random)",
        "keyed.uniforms(stream, positions, self.transform.num_random)",
        _in("data/stream/test_stream.py", "test_every_image_is_the_one_of_the_folders"),
    ),
    Fault(
        "a chunk holds the images of few classes", "data/stream/format.py",
        'keyed.permutation(keyed.key("imagenet", "stream", split), len(members))', "torch.arange(len(members))",
        _in("data/stream/test_stream.py", "test_the_chunks_hold_the_very_bytes_of_the_files_in_random_order"),
    ),
    Fault(
        "the checksums of a store are not compared", "data/verify/store.py", 'if found != expected[name]["sha256"]:',
        "if not found:", _in("data/store/test_store.py", "test_verify_names_what_is_wrong_with_a_store"),
    ),
    Fault(
        "doubles of another split are of this one", "data/verify/memory.py",
        'kind if split == other_split else "duplicate across splits"', "kind",
        _in("data/verify/test_verify.py", "test_digits_are_clean_and_a_changed_pixel_or_label_is_not"),
    ),
    # Measuring.
    Fault(
        "top-5 is top-4", "evaluation/metrics.py", "(ranks >= 5)", "(ranks >= 4)", ("evaluation/test_metrics.py",),
    ),
    Fault(
        "outputs that are NaN are right", "evaluation/metrics.py",
        "torch.where(logits.isnan().any(dim=1), _LAST, before.sum(dim=1))", "before.sum(dim=1)",
        ("evaluation/test_metrics.py",),
    ),
    Fault(
        "the confusion matrix is transposed", "evaluation/classes.py",
        "labels * self.num_classes + logits.argmax(dim=1)", "logits.argmax(dim=1) * self.num_classes + labels",
        ("evaluation/test_calibration.py",),
    ),
    Fault(
        "too much and too little confidence make up for each other", "evaluation/calibration.py",
        "(right - confidence).abs().sum()", "(right - confidence).sum().abs()", ("evaluation/test_calibration.py",),
    ),
    Fault(
        "an image may be scored twice", "evaluation/exact.py", "times > 1", "times > 2",
        _in("evaluation/test_exact_counts.py", "test_a_total_that_is_right_by_chance_is_found_out"),
    ),
    Fault(
        "weights have another digest than their safetensors file", "evaluation/digest.py", "hashlib.sha256(",
        "hashlib.sha3_256(", ("results/test_record.py",),
    ),
    Fault(
        "a Record has another seed than its run", "evaluation/recorder.py", 'seed=self.config.get("seed_everything")',
        "seed=0", _in("training/test_training.py", "test_another_seed_is_another_run"),
    ),
    Fault(
        "each process counts the images of all before", "evaluation/recorder.py",
        'int(ledger["images"]) if trainer.is_global_zero else 0', 'int(ledger["images"])',
        _in("models/test_ledger.py", "test_two_processes_count_each_image_once_however_often_the_run_goes_on"),
    ),
    Fault(
        "predictions stand in the order of the processes", "evaluation/predictions.py",
        "everything.taken(everything.indices.argsort())", "everything",
        _in("evaluation/test_exact_counts.py",
            "test_the_predictions_do_not_depend_on_the_processes_and_hold_each_image_once"),
    ),
    Fault(
        "the grid does not reach the edge", "evaluation/protocols/plan.py", "// (per_side - 1)", "// per_side",
        ("evaluation/protocols/test_protocol_plans.py", "evaluation/protocols/test_protocols.py"),
    ),
    Fault(
        "the weights of two parts sum to 2", "evaluation/protocols/plan.py",
        "1 / (len(self.parts) * len(scales) * len(views))", "1 / (len(scales) * len(views))",
        ("evaluation/protocols/test_protocol_plans.py",),
    ),
    Fault(
        "logits are averaged, not probabilities", "evaluation/protocols/scores.py",
        "F.log_softmax(scores, dim=1) for scores", "scores for scores", ("evaluation/protocols/test_protocols.py",),
    ),
    Fault(
        "networks whose data differ are measured on one preprocessing", "benchmark/measurements.py",
        "key = (entry.data, *", 'key = (entry.config["data"]["class_path"], *',
        _in("benchmark/test_benchmark_verb.py", "test_networks_with_other_preprocessing_see_their_own_images"),
    ),
    Fault(
        "a measured network has lost its seed", "benchmark/records.py",
        'seed=first.config.get("seed_everything") if alone else None', "seed=None",
        _in("benchmark/test_benchmark_verb.py", "test_a_record_has_the_seed_of_its_networks_training"),
    ),
    Fault(
        "evaluation is timed in training mode", "benchmark/timing.py", "prepared(network, form).eval()",
        "prepared(network, form)", ("benchmark/test_speed_rows.py",),
    ),
    Fault(
        "a repeat makes one step and counts several", "benchmark/timing.py", "_clocked(step, steps, device)",
        "_clocked(step, 1, device)", ("benchmark/test_speed_rows.py",),
    ),
    # Results and what people read.
    Fault(
        "the published run does not spread", "results/interval.py", "spread * (1 / runs + 1)", "spread / runs",
        ("results/test_verdict.py",),
    ),
    Fault(
        "an interval that reaches below 0 is better", "results/verdict.py", "BETTER if high < 0", "BETTER if low < 0",
        ("results/test_verdict.py",),
    ),
    Fault(
        "a newer default changes what older runs did", "results/experiment.py",
        'options["defaults"] | defaults.get(path, {})', 'defaults.get(path, {}) | options["defaults"]',
        _in("results/test_experiment_options.py", "test_a_default_that_changes_leaves_older_runs_what_they_were"),
    ),
    Fault(
        "a Record is not checked when it is written", "results/record.py",
        "if problem := _problem(json.loads(text)):", "if problem := None:", ("results/test_record.py",),
    ),
    Fault(
        "more top-5 than top-1 mistakes are believed", "results/consistency.py",
        'if metrics["top5_wrong"] > metrics["top1_wrong"]:', 'if metrics["top5_wrong"] > n:',
        ("results/test_record_counts.py", "results/test_record_schema.py"),
    ),
    Fault(
        "uncommitted code is clean", "results/provenance.py", 'status != ""', "status is None",
        ("results/test_record.py",),
    ),
    Fault(
        "rows that a killed run logged in vain stay", "comparison/run.py", "if old > step]", "if old > step + 10**9]",
        ("comparison/test_curves.py",),
    ),
    Fault(
        "differences are taken from the other run", "comparison/measures.py", "pair = paired(run, first)",
        "pair = paired(first, run)", ("comparison/test_compare.py",),
    ),
    Fault(
        "an edge belongs to the bin above it", "figures/reliability.py", "right=True", "right=False",
        ("figures/test_measurements.py",),
    ),
    Fault(
        "rows that are not comparable are hidden", "report/tables.py",
        "ours = [row for row in rows if row.verdict not in (NOT_MEASURED, NOT_TRAINED)]",
        "ours = [row for row in rows if row.verdict not in (NOT_MEASURED, NOT_TRAINED, NOT_COMPARABLE)]",
        ("report/test_table.py",),
    ),
    Fault(
        "the surest mistakes are the least sure", "figures/surest_mistakes.py",
        "torch.sort(confidence[places], descending=True, stable=True)", "torch.sort(confidence[places], stable=True)",
        ("figures/test_surest_mistakes.py",),
    ),
    Fault(
        "pictures in W&B are of other images", "training/pictures.py", "Draw(0, self.found.indices[places])",
        "Draw(0, places + 1)", _in("training/test_test_pictures.py", "test_the_examples_are_the_surest_mistakes"
        "_and_some_right_ones_with_their_images"),
    ),
    Fault(
        "a picture that fails ends the run", "training/pictures.py",
        "except Exception as error:\n            # Whatever",
        "except InputError as error:\n            # Whatever",
        _in("training/test_test_pictures.py", "test_what_cannot_be_drawn_ends_no_training"),
    ),
    Fault(
        "the images of W&B's tables lie outside the run's folder", "training/loggers.py",
        "with staged_in(self.experiment):", "if True:",
        _in("training/test_test_pictures.py", "test_the_examples_are_the_surest_mistakes"
        "_and_some_right_ones_with_their_images"),
    ),
    Fault(
        "a report in W&B draws our runs beside themselves", "comparison/saved_report.py",
        'OURS, PUBLISHED = "zoo", "published"', 'OURS, PUBLISHED = "zoo", "zoo"',
        _in("comparison/test_push.py", "test_what_is_sent_to_a_server_reads_as_what_was_compared"),
    ),
    Fault(
        "predictions in W&B rank the classes backwards", "training/first_classes.py",
        "torch.sort(logits, dim=1, descending=True, stable=True)", "torch.sort(logits, dim=1, stable=True)",
        _in("training/test_wandb_run.py", "test_the_predictions_are_a_table_of_every_test_image"),
    ),
    Fault(
        "the difference of two runs has the other's sign", "comparison/measures.py",
        "Difference(ours.top1_error - other.top1_error,", "Difference(other.top1_error - ours.top1_error,",
        ("comparison/test_compare.py",),
    ),
    Fault(
        "every step of a training that went on has a row of its own", "report/tables.py",
        "went_on = other.record.protocol == one.protocol and", "went_on = False and",
        _in("report/test_terminal.py", "test_the_steps_of_a_training_that_went_on_are_folded_under_each_protocol"),
    ),
    Fault(
        "numbers are broken in a narrow terminal", "report/terminal.py",
        "        return widest", "        return min(widest, _LEAST)", ("report/test_terminal.py",),
    ),
    Fault(
        "a narrow terminal does without what matters most", "report/terminal.py", "for heading in first:",
        "for heading in reversed(first):", ("report/test_terminal.py",),
    ),
    Fault(
        "the gaps between a terminal's columns are forgotten", "report/terminal.py", "_GAP = 3", "_GAP = 0",
        ("report/test_terminal.py",),
    ),
    Fault(
        "a table replaces a picture", "report/formats.py", "    if ending in _PICTURES or (own", "    if (own",
        _in("comparison/test_compare.py", "test_bad_words_are_one_sentence"),
    ),
    Fault(
        "the ends of an interval are swapped", "report/formats.py", 'flat["interval_low"], flat["interval_high"] =',
        'flat["interval_high"], flat["interval_low"] =', ("report/test_table.py",),
    ),
    Fault(
        "one hour is told in hours", "report/compute.py", "seconds >= 2 * size", "seconds >= size",
        _in("report/test_table_compute.py", "test_durations_are_in_a_unit_that_fits"),
    ),
    Fault(
        "what a class cannot do without is not named", "training/parser.py",
        'if lacking and path != "trainer.logger":', "if lacking is False:",
        _in("training/test_suggestions.py", "test_what_a_class_cannot_do_without_is_named_with_its_option"),
    ),
    Fault(
        "a manifest's digests are anything", "data/photos/manifest.py", 'and _is_digest(entry["sha256"])', "and True",
        _in("data/verify/test_verify.py", "test_a_manifest_with_a_digest_that_is_none_is_not_believed"),
    ),
    Fault(
        "the ladder takes the protocol with the smallest error", "report/ladder.py",
        'row.protocol == "single view", -row.error', '0, -row.error', ("report/test_ladder.py",),
    ),
    Fault(
        "a figure leaves out what only the card has", "comparison/run.py", "return self.measures | (", "return {} | (",
        _in("figures/test_measurements.py", "test_what_only_the_card_of_shipped_weights_has_is_drawn"),
    ),
    Fault(
        "a card's measures may contradict its scores", "weights/cards.py",
        'return contradiction(measures | scores, scores["n"])', "return None",
        _in("weights/test_cards.py", "test_measures_that_do_not_fit_the_scores_are_refused"),
    ),
    Fault(
        "the ladder shows a network's worst run", "report/ladder.py",
        "best[row.network, row.variant, row.parameters] = row",
        "best.setdefault((row.network, row.variant, row.parameters), row)", ("report/test_ladder.py",),
    ),
    # Weights.
    Fault(
        "the digest of weights is not compared", "weights/cards.py", 'if digest == card["sha256"]:', "if digest:",
        ("weights/test_weight_safety.py",),
    ),
    Fault(
        "Caffe's filters are turned round among each other", "weights/sources/caffemodel.py", "state[first].flip(1)",
        "state[first].flip(0)",
        _in("weights/sources/test_caffe_weights.py",
            "test_only_the_first_convolution_is_turned_round_and_the_rest_is_bit_for_bit"),
    ),
    Fault(
        "a snapshot's rows are read as columns", "weights/sources/convnetjs.py", ".transpose(0, 3, 1, 2)",
        ".transpose(0, 3, 2, 1)", ("weights/sources/test_convnetjs_snapshots.py",),
    ),
    Fault(
        "a batch normalisation takes no place among torchvision's layers", "weights/sources/convert.py",
        "3 if batch_norm else 2", "2",
        _in("weights/test_weights.py", "test_torchvisions_full_size_fits_without_a_key_left_over"),
    ),
    Fault(
        "every seal is whole", "weights/sources/seal.py",
        "whole = seal == _WORDS + _digest_before_seal(file, size).encode()", "whole = True",
        ("weights/sources/test_seal.py",),
    ),
    Fault(
        "the factor of a pooling is upside down", "weights/export/graphs.py", "math.prod(kernel) / divisor",
        "divisor / math.prod(kernel)",
        _in("weights/export/test_onnx.py",
            "test_onnx_runtime_gives_the_same_top_five_on_a_hundred_real_images[cuda_convnet-18pct/cifar10]"),
    ),
    Fault(
        "what rounding swaps is another order of classes", "weights/export/checks.py",
        "near = 2 * min(largest, TOLERANCE * max(1.0, scale))", "near = 0.0",
        _in("weights/export/test_export.py", "test_agreement_tells_a_near_tie_from_another_order"),
    ),
    Fault(
        "rounded weights keep the scores of the whole ones", "weights/export/folder.py",
        'same = dtype == card.get("dtype")', "same = True",
        _in("weights/export/test_export.py", "test_half_has_no_scores_until_it_is_measured"),
    ),
    Fault(
        "a network of the page is compared with nothing", "weights/export/write.py",
        "rounded(weights.network().eval()), read, images", "read, read, images",
        _in("weights/export/test_page_file.py", "test_a_file_that_is_another_network_is_never_written[number]"),
    ),
    Fault(
        "the page adds a network twice", "demo/static/add.js",
        "one.name === network.name", "one === network",
        _in("demo/test_page.py", "test_a_file_that_is_no_network_or_is_there_already_is_one_sentence"),
    ),
    Fault(
        "a fully connected layer of the page takes any number of units", "demo/static/shapes.js",
        "weight: [outputs, units], bias: [outputs] }", "bias: [outputs] }",
        _in("demo/test_page.py", "test_a_file_that_is_no_network_or_is_there_already_is_one_sentence"),
    ),
    # People's own networks, data and images.
    Fault(
        "the logits of one's own network are counted by its images", "models/own.py",
        "num_classes = int(logits.shape[1])", "num_classes = len(logits)",
        _in("training/test_own_networks.py", "test_a_module_of_the_working_folder_is_trained_measured_and_marked"),
    ),
    Fault(
        "one's own network meets the shape of its images in training mode", "models/own.py",
        "with torch.no_grad(), answering(self), torch.random.fork_rng(devices=[]):",
        "with torch.no_grad(), torch.random.fork_rng(devices=[]):",
        _in("training/test_own_networks.py",
            "test_to_meet_the_shape_of_its_images_changes_nothing_in_a_network"),
    ),
    Fault(
        "a LightningModule's own optimizer is passed over", "models/own.py", "return module.configure_optimizers()",
        "return super().configure_optimizers()",
        _in("training/test_own_networks.py",
            "test_a_lightning_module_learns_by_its_own_step_optimizer_and_schedule"),
    ),
    Fault(
        "a LightningModule's hooks between the steps are left out", "models/own.py",
        "setattr(self, name, self._theirs_too(name))", "getattr(self, name)",
        _in("training/test_own_networks.py",
            "test_a_lightning_module_learns_by_its_own_step_optimizer_and_schedule"),
    ),
    Fault(
        "a checkpoint's options may name another class", "models/own.py",
        'if isinstance(value, Mapping) and "class_path" in value:', "if value is NotImplemented:",
        _in("training/test_own_networks.py",
            "test_a_checkpoint_s_options_bring_in_no_class"),
    ),
    Fault(
        "trust in a module is trust in all whose names begin so", "trusted.py",
        'f"{path}.".startswith(f"{name}.")', "path.startswith(name)",
        _in("training/test_own_networks.py", "test_trust_in_a_module_is_none_in_one_whose_name_begins_so"),
    ),
    Fault(
        "a module of the working folder hides an installed one", "trusted.py", "sys.path.append(here)",
        "sys.path.insert(0, here)",
        _in("training/test_own_networks.py", "test_the_installed_command_finds_it_and_prefers_what_is_installed"),
    ),
    Fault(
        "a model on the zoo's base class is wrapped as a stranger's", "training/own_classes.py",
        "    if issubclass(kind, Classifier):", "    if issubclass(Classifier, kind):",
        _in("training/test_own_networks.py",
            "test_a_network_on_the_zoo_s_base_class_has_its_own_name_and_branches"),
    ),
    Fault(
        "the options of training are given to one's own network", "training/yaml_text.py",
        "for key, option in options.items() if key in OF_OWN_MODEL}", "for key, option in options.items() if not key}",
        _in("training/test_own_networks.py", "test_a_config_may_name_it_and_a_run_goes_on"),
    ),
    Fault(
        "a schedule's slice is missed after an epoch", "training/verbs.py",
        "[*watching, *((each, monitor_of(each)) for each in plateaus)]", "watching",
        _in("training/test_loggers.py", "test_what_watches_a_slice_that_there_is_not_names_the_option"),
    ),
    Fault(
        "weights without a part in the loss are a fault of the program", "training/verbs.py",
        "parameters that were not used in producing the loss", "parameters that were used in producing the loss",
        _in("training/test_own_processes.py",
            "test_weights_without_a_part_in_the_loss_are_one_sentence_with_two_ways_out"),
    ),
    Fault(
        "frozen layers keep on counting their means", "models/classifier.py", "            units[name].eval()\n",
        "            units[name].train(mode)\n",
        _in("training/test_fine_tuning.py", "test_running_means_of_frozen_layers_stay_in_training_mode_too"),
    ),
    Fault(
        "layers get the rates of others", "models/layer_rates.py",
        "scale.get(p, 1.0) == factor", "scale.get(p, 1.0) != factor",
        _in("training/test_fine_tuning.py", "test_rates_by_layer_are_what_a_step_of_sgd_shows"),
    ),
    Fault(
        "all layers learn at the full rate", "optim/building.py", 'group["lr"] *= rate', 'group["lr"] *= 1.0',
        _in("training/test_fine_tuning.py", "test_rates_by_layer_are_what_a_step_of_sgd_shows"),
    ),
    Fault(
        "layers of other shapes are taken over", "models/network.py", "state[key].shape == mine[key].shape",
        "state[key].ndim == mine[key].ndim", ("training/test_init_from.py",),
    ),
    Fault(
        "a new classifier is in training mode whatever the network is in", "models/network.py",
        "layer.train(self.training).to(", "layer.train().to(",
        _in("models/test_conventions.py", "test_a_new_classifier_is_where_and_as_the_network_is"),
    ),
    Fault(
        "strides are added up", "models/feature_maps.py", "reduction *= row.stride or 1",
        "reduction += (row.stride or 1) - 1",
        _in("models/test_conventions.py", "test_levels_end_before_the_next_stride"),
    ),
    Fault(
        "maps alone are in training mode whatever the network is in", "models/feature_maps.py",
        "return made.train(network.training)", "return made.train()",
        _in("models/test_conventions.py", "test_maps_alone_share_the_weights_and_the_mode"),
    ),
    Fault(
        "what comes from the hub is in training mode", "models/hub.py", "return network.eval()",
        "return network.train()",
        _in("weights/test_hub.py", "test_a_network_goes_to_the_hub_and_comes_back"),
    ),
    Fault(
        "after a fine-tuning the classes on the hub are the old ones", "models/hub.py",
        "if names and len(names) == network.num_classes:", "if names:",
        _in("weights/test_hub.py", "test_the_names_of_the_classes_go_along_as_long_as_they_are_the_networks"),
    ),
    Fault(
        "OneCycleLR counts epochs", "optim/torch_schedules.py", "isinstance(scheduler, (OneCycleLR, CyclicLR))",
        "isinstance(scheduler, CyclicLR)", ("optim/test_torch_schedules.py",),
    ),
    Fault(
        "schedules with rates of their own forget the factors by layer", "optim/torch_schedules.py",
        "scheduler.base_lrs[number] *= rate", "scheduler.base_lrs[number] *= 1.0", ("optim/test_torch_schedules.py",),
    ),
    Fault(
        "a photograph's square is its left corner", "weights/preprocessing.py",
        "left, top = ((length - short) // 2 for length in image.size)", "left, top = 0, 0",
        ("weights/test_transforms_of_weights.py",),
    ),
    Fault(
        "tensors of MNIST's size go as they are", "weights/preprocessing.py", ' and self.taken_for != "ink":', ":",
        ("weights/test_transforms_of_weights.py",),
    ),
    Fault(
        "floats are rounded down to bytes", "weights/given_images.py", "(values * 255).round()", "(values * 255)",
        _in("weights/test_transforms_of_weights.py", "test_floats_of_torchvision_are_the_bytes_they_come_from"),
    ),
    Fault(
        "digits on paper are counted from nought", "weights/regions.py", "enumerate(digits, 1)", "enumerate(digits, 0)",
        ("weights/test_classify.py",),
    ),
    Fault(
        "an image is dark on light by its middle", "weights/doubts.py", "if edge.mean() >", "if grey.mean() >",
        ("weights/test_doubts.py",),
    ),
    Fault(
        "a network that is sure is doubted", "weights/classify.py", "guesses[0].probability < 0.5",
        "guesses[0].probability > 0.5", _in("weights/test_doubts.py", "test_a_sure_answer_is_not_doubted"),
    ),
    Fault(
        "areas part no pixel", "data/area.py", "share = (borders - whole)", "share = (borders - borders)",
        ("data/test_area.py",),
    ),
    Fault(
        "names that were to be left out are listed", "weights/names.py", " and not _fits(name, unwanted)", "",
        ("weights/test_names.py",),
    ),
    Fault(
        "the worst weights are the default ones", "weights/pretrained.py", ', tested, -measured["top1_error"]',
        ', tested, measured["top1_error"]', ("weights/test_names.py",),
    ),
    Fault(
        "grey images see the mean of the weights for colours", "weights/pretrained.py",
        "weight.sum(dim=1, keepdim=True)", "weight.mean(dim=1, keepdim=True)", ("weights/test_names.py",),
    ),
    Fault(
        "any file is torchvision's", "weights/sources/torchvision.py",
        "if not digest_of(self.path).startswith(self._hash()):", "if not self.path.exists():",
        _in("weights/test_transforms_of_weights.py", "test_torchvisions_file_is_taken_from_the_hubs_folder"),
    ),
    Fault(
        "files without counts of steps are not torchvision's", "weights/sources/convert.py",
        "return steps | renamed", "return renamed",
        _in("weights/sources/test_torchvision_files.py",
            "test_a_new_head_stands_on_torchvisions_convolutions[vgg16_bn-vgg16-True]"),
    ),
    Fault(
        "weights need not be those of the Record beside them", "weights/sources/checkpoint.py",
        'if found != record.weights["sha256"]:', "if not found:",
        ("weights/test_weights.py", "weights/test_find_weights.py", "training/test_wrong_checkpoints.py"),
    ),
    Fault(
        "classes of one name are told apart no more", "data/tiny_imagenet.py", "word if times[word] == 1 else",
        "word if times[word] else", ("data/files/test_tiny_imagenet.py",),
    ),
    Fault(
        "a row without a class has the last one", "data/huggingface.py", "0 <= own < len(names)", "own < len(names)",
        ("data/files/test_huggingface.py",),
    ),
    Fault(
        "images of two splits have one name", "data/image_folder.py", 'f"{folder.name}/"', '""',
        ("data/files/test_image_folder.py",),
    ),
    # Training and the command line.
    Fault(
        "a step that is taken directly logs under no hook's name", "training/epoch_loop.py",
        '                module._current_fx_name = "training_step"\n', "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "a checkpoint between two direct steps counts a cleared gradient less", "training/epoch_loop.py",
        "                progress.zero_grad.increment_completed()\n", "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps pass over a backward pass of one's own", "training/epoch_loop.py",
        '*BETWEEN, "backward", ', "*BETWEEN, ",
        ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps do not sum the gradients of several batches", "training/epoch_loop.py",
        "        and trainer.accumulate_grad_batches == 1\n", "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps hand on the loader's own list", "training/epoch_loop.py",
        "            return type(batch)(batch)\n", "            return batch\n", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps take apart what the loader keeps", "training/epoch_loop.py", "type(batch) in (list, tuple) and ",
        "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps leave a schedule as it was where an epoch ends early", "training/epoch_loop.py",
        "                self._step_schedules()\n                raise StopIteration",
        "                raise StopIteration",
        ("training/test_epoch_loop.py",),
    ),
    Fault(
        "what was logged stays as others leave it", "training/epoch_loop.py",
        "return logged + [value for metrics in kept for value in metrics.values()]", "return logged",
        ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps hand on only what is logged by a new name", "training/epoch_loop.py",
        " and all(map(is_, known, self._handed_on))", "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "direct steps count validations by the steps of an epoch alone", "training/epoch_loop.py",
        "            or trainer.check_val_every_n_epoch is None\n", "", ("training/test_epoch_loop.py",),
    ),
    Fault(
        "the best checkpoint is the latest of several", "training/checkpoints.py", "float(error) < self._fewest",
        "float(error) <= self._fewest",
        _in("training/test_keep.py", "test_the_best_on_the_held_out_slice_stays_whatever_comes_later"),
    ),
    Fault(
        "gathered gradients are lost in a checkpoint", "training/checkpoints.py",
        "% trainer.accumulate_grad_batches:", "% 1:",
        _in("training/test_resume.py", "test_a_signal_amid_gathered_gradients_waits_for_their_step"),
    ),
    Fault(
        "counts of a checkpoint may be negative", "models/saved_training.py", " and found >= min(wanted, 0)\n", "\n",
        _in("training/test_wrong_checkpoints.py", "test_no_training_goes_on_from_another_state"),
    ),
    Fault(
        "a momentum of another shape is taken", "models/saved_training.py", '{"momentum_buffer", "exp_avg",',
        '{"exp_avg",', _in("training/test_wrong_checkpoints.py", "test_no_training_goes_on_from_another_state"),
    ),
    Fault(
        "a schedule of another kind is taken", "models/saved_training.py",
        '        if problem := _problem(found, own_state, "lr_schedulers"):\n',
        '        if problem := _problem(found, found, "lr_schedulers"):\n',
        _in("training/test_wrong_checkpoints.py", "test_states_of_adam_and_of_a_schedule_are_held_to_its_own"),
    ),
    Fault(
        "Adam's second mean may have any shape", "models/saved_training.py", '"exp_avg", "exp_avg_sq",', '"exp_avg",',
        _in("training/test_wrong_checkpoints.py", "test_states_of_adam_and_of_a_schedule_are_held_to_its_own"),
    ),
    Fault(
        "only what lies at the heap's end is kept", "training/allocator.py", "((-4, 0), (-1,", "((-1,",
        ("training/test_allocator.py",),
    ),
    Fault(
        "the smaller part of a mixed image counts as the larger", "models/mixing.py", "targets.argmax(1)",
        "targets.argmin(1)", ("models/test_mixing.py",),
    ),
    Fault(
        "those steps are mixed that were to be left", "models/mixing.py", "torch.rand(()) >=", "torch.rand(()) <",
        _in("models/test_mixing.py", "test_a_share_of_the_steps_is_left_as_it_is"),
    ),
    Fault(
        "the reader of synsets takes modules of the working folder", "data/photos/synsets.py", '"-P", "-c"', '"-c"',
        _in("data/photos/test_synsets.py", "test_the_working_folder_lends_the_reader_no_module"),
    ),
    Fault(
        "a table where SVHN's images should be goes to SciPy", "data/svhn.py", "and kind not in NUMBERS",
        "and not kind",
        _in("data/test_official_sets.py", "test_a_table_instead_of_images_is_refused_before_scipy_reads_it"),
    ),
    Fault(
        "an infinite loss does not end a run", "training/divergence.py", "_anywhere(trainer, ~torch.isfinite(total))",
        "_anywhere(trainer, torch.isnan(total))",
        _in("training/test_divergence.py", "test_the_step_is_found_among_those_since_the_last_look"),
    ),
    Fault(
        "of two words the first wins", "training/arguments.py", "next(reversed(", "next(iter(",
        _in("training/test_training.py", "test_of_two_checkpoints_the_last_typed_gives_both_config_and_weights"),
    ),
    Fault(
        "the least that a value may be is refused", "training/bounds.py", "value < least", "value <= least",
        ("training/test_values.py",),
    ),
    Fault(
        "a lent config may name anything of torch", "training/lent.py",
        r'_TORCH = re.compile(r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*")', r'_TORCH = re.compile(r"torch\..*")',
        ("training/test_lent_configs.py",),
    ),
    Fault(
        "data with faults are verified with status 0", "commands/data.py", "return 1 if found.num_faults else 0",
        "return 0",
        _in("data/verify/test_verify.py", "test_the_command_ends_with_one_for_faults_and_nought_for_notices"),
    ),
    Fault(
        "a number that does not come back has status 0", "commands/reproduce.py",
        "return 0 if outcome.reproduced else 1", "return 0",
        _in("commands/test_reproduce.py", "test_a_number_that_does_not_come_back_is_status_1"),
    ),
)  # fmt: skip
# Faults of old, for ``attacked.py``: in place of tests stand the attacks that met them, by a part of their names.
CLOSED = (
    Fault(
        "a process without an image waits for ever", "data/base.py", "if self.batch_size < num_processes:", "if False:",
        ("fewer images than processes",),
    ),
    Fault(
        "a damaged checkpoint is measured as if whole", "weights/sources/seal.py", "    if not whole:", "    if False:",
        ("files/checkpoint/flip",),
    ),
    Fault(
        "an empty word counts as none", "cli.py", "if not word.strip():", "if False:",
        ("verbs/speed",),
    ),
    Fault(
        "of two equal keys the last wins", "yaml_text.py", "if key.value in found:", "if False:",
        ("configs/keys that are there twice",),
    ),
    Fault(
        "a number below the least is taken", "training/bounds.py", "value < least:", "False:",
        ("trainer/bounds",),
    ),
    Fault(
        "a seed of more than 32 bits is taken", "training/bounds.py", "not 0 <= seed <= MOST_SEED", "False",
        ("fit/seeds",),
    ),
    Fault(
        "two processes resume one run", "files.py", "fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH",
        ("of a run at work",),
    ),
    Fault(
        "a part of a test looks like all of it", "report/summary.py", "if record.is_trial:", "if False:",
        ("a part of a test",),
    ),
    Fault(
        "a lent config runs what it names", "training/lent.py", "    if fault is None:", "    if True:",
        ("files/config with code",),
    ),
    Fault(
        "images that do not fit fail in the network", "models/classifier.py",
        'if stage == "fit" and isinstance(data, ImageDataModule):', "if False:",
        ("model/shapes",),
    ),
    Fault(
        "a run that diverged ends as if it had not", "cli.py",
        '            print(f"zoo: {fault}", file=sys.stderr)\n        return 1',
        '            print(f"zoo: {fault}", file=sys.stderr)\n        return 0',
        ("model/diverged for sure",),
    ),
    Fault(
        "a full disk leaves half a file", "files.py", "    with whole(end_of_links(path)) as draft:",
        "    for draft in (path,):",
        ("full disks",),
    ),
    Fault(
        "a pipe among photographs is waited for", "data/photos/inspection.py", "if not stat.S_ISREG(status.st_mode):",
        "if False:",
        ("datasets/verify photos",),
    ),
    Fault(
        "a pipe given as a picture is waited for", "data/photos/decode.py", "if content is None and is_device(path):",
        "if False:",
        ("verbs/pictures that are no files",),
    ),
    Fault(
        "deep YAML ends the process", "yaml_text.py", "        if depth > DEEPEST:", "        if False:",
        ("files/published",),
    ),
    Fault(
        "W&B is begun in any mode that somebody types", "comparison/account.py",
        "if chosen not in _MODES:", "if False:",
        ("run/modes of W&B's",),
    ),
    Fault(
        "output that is ASCII ends in a traceback", "output.py",
        'return errors == "strict" or', "return False and",
        ("environment/output of ASCII",),
    ),
    Fault(
        "an option set to null runs into the code", "training/bounds.py",
        "if value is None and key in options and options[key].default is not None:", "if False:",
        ("model/nulls",),
    ),
    Fault(
        "a file that is not JSON is no Record to be named", "results/json_file.py",
        "    except ValueError as error:  # also what is no UTF-8", "    except ZeroDivisionError as error:",
        ("verbs/table",),
    ),
    Fault(
        "a part of a training of no step is one", "training/bounds.py",
        "isinstance(value, (int, float)) and value <= 0", "False",
        ("trainer/parts of nothing",),
    ),
    Fault(
        "an empty name in a config counts as none", "training/cli.py", "Text = NotEmptyStr | None", "Text = str | None",
        ("configs/empty names",),
    ),
    Fault(
        "a W&B project may have an empty name", "training/loggers.py",
        "            if isinstance(value, str) and not value.strip():", "            if False:",
        ("configs/no project",),
    ),
    Fault(
        "a name like a comment is none", "training/yaml_text.py",
        'text if value is None and text.strip().startswith("#") else _classes(value)', "_classes(value)",
        ("fit/a name like a comment",),
    ),
    Fault(
        "a picture is written whatever its name says", "report/contact_sheet.py",
        '    if path.suffix.lower() != ".png":', "    if False:",
        ("verbs/data in a picture",),
    ),
    Fault(
        "j may be below 0", "models/lenet5_model.py", "if not 0 < j < math.inf:", "if not j < math.inf:",
        ("model/j/",),
    ),
    Fault(
        "a batch may have any number of images", "data/base.py", "if not 1 <= batch_size <= MOST_IMAGES:",
        "if not 1 <= batch_size:",
        ("data/batches",),
    ),
    Fault(
        "hidden layers may have no unit", "models/mlp.py", "            check_sizes(hidden=units)\n",
        "            check_sizes(hidden=units or 1)\n",
        ("model/widths",),
    ),
    Fault(
        "an image may have less than no channel", "models/network.py",
        "if size is not None and not 1 <= size <= LARGEST:", "if size is not None and size > LARGEST:",
        ("model/channels",),
    ),
    Fault(
        "epochs may be fewer than none", "training/bounds.py", '"min_epochs": 0, ', "",
        ("trainer/bounds",),
    ),
    Fault(
        "sanity may be checked by fewer batches than none", "training/bounds.py", '"num_sanity_val_steps": -1, ', "",
        ("trainer/bounds",),
    ),
    Fault(
        "validation may come every -1 epochs", "training/bounds.py", '    "check_val_every_n_epoch": 1, ', "    ",
        ("trainer/bounds",),
    ),
    Fault(
        "gradients of no batch may make a step", "training/bounds.py", '"accumulate_grad_batches": 1,', "",
        ("trainer/bounds",),
    ),
    Fault(
        "a training may have 0 steps", "training/bounds.py", 'if trainer.get("max_steps") == 0:', "if False:",
        ("trainer/no step",),
    ),
    Fault(
        "images are drawn in an order of Lightning's", "training/bounds.py", 'if trainer.get("overfit_batches"):',
        "if False:",
        ("trainer/overfitting",),
    ),
    Fault(
        "a rate that is no number is refused by the optimizer alone", "training/bounds.py",
        "if not math.isfinite(value):", "if False:",
        ("model/rates that are none",),
    ),
    Fault(
        "a config's trainer may be null", "training/arguments.py", "    if not isinstance(trainer, dict):",
        "    if False:",
        ("configs/no section of the trainer",),
    ),
    Fault(
        "a loss may be anything", "training/cli.py",
        "[FiniteLoss(self.run_dir / runs.CHECKPOINT), self.recorder, LoaderReport()]",
        "[self.recorder, LoaderReport()]",
        ("model/diverged for sure",),
    ),
    Fault(
        "a run without a file in its checkpoint's place starts over", "runs.py",
        "        if os.path.lexists(path) and not (path.is_dir() and path != last):", "        if False:",
        ("run/resume from no file",),
    ),
    Fault(
        "a part of a test is a row of the table", "report/tables.py", "if trials or not record.is_trial)", "if record)",
        ("verbs/a part of a test in a table",),
    ),
    Fault(
        "a lent run goes on with whatever it names", "training/arguments.py",
        "    check_lent(yaml_text.read_file(readable(str(own))), own,",
        "    (yaml_text.read_file(readable(str(own))), own,",
        ("files/config of a run to go on with/yaml_class",),
    ),
    Fault(
        "a lent Record runs what it names", "commands/reproduce.py", "    check_lent(then.config, path, trust)\n", "",
        ("files/record with code",),
    ),
    Fault(
        "a lent config writes anywhere", "training/lent.py", "if not self._is_inside(word):", "if False:",
        ("files/config that writes elsewhere",),
    ),
    Fault(
        "a checkpoint without its seal is whole", "weights/sources/seal.py",
        "not zipfile.is_zipfile(file) or _keeps_checksums(file)", "True",
        ("files/checkpoint without a seal",),
    ),
    Fault(
        "the workers of a loader may be fewer than none", "data/photos/module.py",
        "not 0 <= num_workers <= MOST_WORKERS:", "not num_workers <= MOST_WORKERS:",
        ("data/photos/",),
    ),
    Fault(
        "SparseAdam is given gradients that are not sparse", "optim/building.py",
        "    if isinstance(optimizer, torch.optim.SparseAdam):", "    if False:",
        ("model/sparse",),
    ),
    Fault(
        "an accelerator that is not there is a fault of the program", "training/cli.py",
        "_OF_VALUES = (ValueError, OverflowError, ModuleNotFoundError, MisconfigurationException)",
        "_OF_VALUES = (ValueError, OverflowError, ModuleNotFoundError)",
        ("trainer/accelerators",),
    ),
    Fault(
        "a precision without its package is a fault of the program", "training/cli.py",
        "_OF_VALUES = (ValueError, OverflowError, ModuleNotFoundError, MisconfigurationException)",
        "_OF_VALUES = (ValueError, OverflowError, MisconfigurationException)",
        ("trainer/precisions",),
    ),
    Fault(
        "a part of an epoch that is no batch is a fault of the program", "training/verbs.py",
        "    except MisconfigurationException as error:", "    except ZeroDivisionError as error:",
        ("trainer/no batch of training",),
    ),
    Fault(
        "a test without a batch comes after the training", "training/verbs.py",
        "if isinstance(limit, float) and not int(limit * number):", "if False:",
        ("trainer/no batch of a test",),
    ),
    Fault(
        "validations further apart than an epoch are a fault of the program", "training/verbs.py",
        'or ("`val_check_interval`" in reason and isinstance(error, ValueError)):', "or False:",
        ("trainer/no validation in an epoch",),
    ),
    Fault(
        "labels may be beyond the network's outputs", "models/classifier.py",
        "        if classes > self.network.num_classes:", "        if False:",
        ("model/fewer outputs",),
    ),
    Fault(
        "a network takes images of any size", "models/network.py", "            self.check_input(images)\n", "",
        ("verbs/networks of the Python API",),
    ),
    Fault(
        "deep YAML is a fault of the program", "yaml_text.py", "    except RecursionError:",
        "    except ZeroDivisionError:",
        ("files/config of a run/deep",),
    ),
    Fault(
        "deep JSON is a fault of the program", "results/json_file.py", "    except RecursionError as error:",
        "    except ZeroDivisionError as error:",
        ("verbs/deep records",),
    ),
    Fault(
        "a folder that cannot be made is a fault of the program", "runs.py",
        "        except OSError as error:\n            for path in missing:",
        "        except ZeroDivisionError as error:\n            for path in missing:",
        ("run/folders/",),
    ),
    Fault(
        "a full disk leaves half a checkpoint", "training/checkpoint_files.py",
        'whole(target, target.with_name(f"{target.name}.part"), durable=True) as draft,',
        '__import__("contextlib").nullcontext(target) as draft,',
        ("environment/a disk that fills at a checkpoint",),
    ),
    Fault(
        "a full disk leaves half of the predictions", "evaluation/prediction_files.py",
        'with whole(end_of_links(path)) as draft, draft.open("wb") as file:', 'with path.open("wb") as file:',
        ("environment/a disk that fills at predictions",),
    ),
    Fault(
        "a full disk leaves half a config", "runs.py", "        with whole(config, durable=True) as draft:",
        "        for draft in (config,):",
        ("environment/a disk that fills at a config",),
    ),
    Fault(
        "nothing is a pipe", "files.py",
        "return not path.is_file() and path.exists() and not path.is_dir()", "return False",
        ("verbs/export to a pipe",),
    ),
    Fault(
        "weights of another shape are left to torch", "weights/trained.py",
        "        if tensor.shape != wanted.shape:", "        if False:",
        ("files/checkpoint without a Record/torch_tensor",),
    ),
    Fault(
        "a config in no UTF-8 is a fault of the program", "yaml_text.py",
        "    except (yaml.YAMLError, UnicodeDecodeError) as error:", "    except yaml.YAMLError as error:",
        ("files/config of a run/garbage",),
    ),
    Fault(
        "metrics in no UTF-8 are a fault of the program", "results/metrics_file.py",
        "    except (csv.Error, UnicodeDecodeError, OSError) as error:", "    except (csv.Error, OSError) as error:",
        ("files/metrics/garbage",),
    ),
    Fault(
        "a checkpoint alone is taken for a run", "weights/sources/run.py",
        "        if self.config is None:\n            raise InputError(",
        "        if False:\n            raise InputError(",
        ("verbs/classify with a checkpoint alone",),
    ),
    Fault(
        "a picture of one line is read like any other", "data/photos/crops.py",
        "    if max(size) <= MOST_TIMES_AS_LONG * min(size):", "    if size:",
        ("verbs/pictures out of proportion/",),
    ),
    Fault(
        "a name of other bytes is a fault of the program", "training/arguments.py",
        "    if not is_utf8(word) and option", "    if not word and option",
        ("run/names of other bytes",),
    ),
    Fault(
        "a file of 300 GB is read", "data/cifar.py",
        "        if size != expected:\n            raise InputError(f\"{path} has",
        "        if False:\n            raise InputError(f\"{path} has",
        ("datasets/CIFAR-10/0-0",),
    ),
    Fault(
        "what is packed is unpacked to its end", "data/idx.py", "data = file.read(expected + 1)", "data = file.read()",
        ("files/MNIST packed/gzip_bomb",),
    ),
    Fault(
        "memory that runs out is a fault of the program", "training/memory.py",
        "    except (MemoryError, RuntimeError) as error:", "    except MemoryError as error:",
        ("model/memory",),
    ),
    Fault(
        "output that is closed is flushed", "output.py", "            if stream is None:", "            if False:",
        ("environment/closed output",),
    ),
    Fault(
        "output that nobody reads is a fault of the program", "cli.py", "        except BrokenPipeError:",
        "        except ZeroDivisionError:",
        ("environment/output that nobody reads",),
    ),
    Fault(
        "output to a full disk is a fault of the program", "output.py", "_OF_DISKS = (errno.ENOSPC, ", "_OF_DISKS = (",
        ("environment/full output",),
    ),
    Fault(
        "a pipe given as a Record is waited for", "files.py",
        "    if is_device(path):\n        raise OSError", "    if False:\n        raise OSError",
        ("verbs/a pipe in place of a Record",),
    ),
    Fault(
        "a hint at a transform that fits is left out", "models/classifier.py",
        "fitting = data.transforms_for(self.network.takes)", "fitting = list[str]()",
        ("model/shapes that a transform would fit",),
    ),
    Fault(
        "an alias of itself is told as depth", "yaml_text.py", "    if node in around:", "    if False:",
        ("configs/an alias of itself",),
    ),
    Fault(
        "a name that is too long is the system's to refuse", "files.py", "if error.errno == errno.ENAMETOOLONG:",
        "if False:",
        ("run/a long name for the Python API",),
    ),
    Fault(
        "a full disk leaves half a Record", "results/record.py", "            with whole(path, durable=True) as draft:",
        "            for draft in (path,):",
        ("environment/a disk that fills at a Record",),
    ),
    Fault(
        "a loop of links ends a verification", "data/photos/inspection.py",
        "    except OSError as error:\n        return CheckedPhoto",
        "    except ZeroDivisionError as error:\n        return CheckedPhoto",
        ("datasets/verify a loop of links",),
    ),
    Fault(
        "a photo's name of other bytes is a fault of the program", "data/photos/folder_index.py",
        "            if not is_utf8(name):", "            if False:",
        ("datasets/photos/4",),
    ),
    Fault(
        "a lent config may have a callback of Lightning's that calls what it is given", "training/lent.py",
        '"DeviceStatsMonitor", "EarlyStopping",', '"DeviceStatsMonitor", "LambdaCallback", "EarlyStopping",',
        ("run/lent callbacks that call",),
        (
            Edit(
                "training/lent.py", "elif not _PLAIN.fullmatch(word) or os.path.isabs(word) or self._is_file(word):",
                "elif os.path.isabs(word) or self._is_file(word):",
            ),
        ),
    ),
    Fault(
        "a hidden layer may have any number of units", "models/mlp.py", "            check_sizes(hidden=units)\n",
        "            check_sizes(hidden=min(units, 1))\n",
        ("model/widths",),
        (Edit("training/cli.py", '"allocate memory", ', ""),),
    ),
    Fault(
        "the trainer may be null, in a config or as it is typed", "training/bounds.py",
        "    if not isinstance(trainer, dict):", "    if False:",
        ("section",),
        (Edit("training/arguments.py", "    if not isinstance(trainer, dict):", "    if False:"),),
    ),
    Fault(
        "a checkpoint of other keys is a fault of the program", "weights/trained.py", "        if key not in state:\n",
        "        if False:\n",
        ("files/checkpoint with other keys",),
        (
            Edit(
                "weights/trained.py", "        if key not in expected:\n",
                "        if key not in expected:\n            continue\n        if False:\n",
            ),
            _LIGHTNING_RESTORES,
        ),
    ),
    Fault(
        "a checkpoint of other loops is a fault of the program", "models/saved_training.py", "    if problem:\n",
        "    if False:\n",
        ("files/checkpoint with other loops",),
        (_STATE_IS_READ, _LIGHTNING_RESTORES),
    ),
    Fault(
        "a checkpoint of other callbacks is a fault of the program", "models/saved_training.py",
        '{"callbacks": dict, ', "{",
        ("files/checkpoint with other callbacks",),
        (_STATE_IS_READ, _LIGHTNING_RESTORES),
    ),
    Fault(
        "a checkpoint of other optimizers is a fault of the program", "models/saved_training.py",
        '    states = checkpoint["optimizer_states"]\n', '    return\n    states = checkpoint["optimizer_states"]\n',
        ("files/checkpoint with other optimizers",),
        (_STATE_IS_READ, _LIGHTNING_RESTORES),
    ),
    Fault(
        "a W&B project may have a name that W&B refuses", "training/loggers.py",
        "        if forbidden := [sign for sign in FORBIDDEN if sign in self.project]:",
        "        if forbidden := []:",
        ("run/wandb/",),
        (Edit("training/loggers.py", "except wandb.Error as error:", "except ZeroDivisionError as error:"),),
    ),
    Fault(
        "a full disk leaves half a row of metrics", "training/loggers.py",
        "            with suppress(OSError):\n                os.truncate(path, size)\n", "",
        ("environment/a disk that fills at metrics",),
    ),
    Fault(
        "metrics on a full disk are a fault of the program", "training/loggers.py",
        "        except OSError as error:\n            raise InputError(\n                f\"{path} cannot be written",
        "        except ZeroDivisionError as error:\n            raise InputError(\n"
        "                f\"{path} cannot be written",
        ("environment/a disk that fills at metrics",),
        (Edit("output.py", "    if error.errno not in _OF_DISKS:", "    if True:"),),
    ),
    Fault(
        "a loader may have 10,000 workers, for all of which two stand in here that the machine can bear",
        "data/photos/module.py", "not 0 <= num_workers <= MOST_WORKERS:", "not 0 <= num_workers:",
        ("data/photos/1",),
        (Edit("data/photos/module.py", "return self._num_workers\n", "return min(self._num_workers, 2)\n"),),
    ),
)  # fmt: skip
