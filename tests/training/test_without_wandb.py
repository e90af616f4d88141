"""Weights & Biases may be missing: nothing needs it but the overlay, which says so."""

import preloaded

from zoo.cli import main

SHORT = ("fit", "--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false")


def test_metrics_go_to_the_file_where_wandb_is_missing(in_folder):
    code = "import sys; sys.modules['wandb'] = None; from zoo.cli import main; sys.exit(main(sys.argv[1:]))"
    preloaded.run("-c", code, *SHORT, "--run_dir", "run")
    assert "train/loss" in (in_folder / "run" / "metrics.csv").read_text()


def test_the_overlay_says_in_one_sentence_that_wandb_is_missing(in_folder, monkeypatch, capsys):
    monkeypatch.setattr("lightning.pytorch.loggers.wandb._WANDB_AVAILABLE", False)
    assert main([*SHORT, "--config", "overlays/wandb", "--run_dir", "run"]) == 2
    assert capsys.readouterr().err == (
        "zoo: Weights & Biases is not installed: pip install wandb, or leave the overlay out.\n"
    )
    assert not (in_folder / "run").exists()
