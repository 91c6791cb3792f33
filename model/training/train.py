"""Train a preset on COCO-format photographs: `maskdrop model train`.

A run is a folder:

    recipe.toml      what was asked for, under a header of what became of it
    classes.txt      what `maskdrop model import --classes` reads
    checkpoint.pth   all that the next step needs; best.pth: the best weights so far
    losses.csv, scores.csv, curves.png

Every random number of a step follows from the seed and the step's number, so a run that
goes on after an interruption is the run that was never interrupted.
"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from model.evaluation.truth import Truth
from model.runtime.errors import TrainingError
from model.runtime.manifest import ModelClass
from model.training import records
from model.training.batches import Batch, UnreadablePhotograph, batches
from model.training.checkpoints import BEST, CHECKPOINT, Progress, TrainingState
from model.training.classes import choose_classes, read_val, write_classes
from model.training.coco_files import read_coco_file
from model.training.curves import draw_curves
from model.training.dataset import BatchSampler, DetectionDataset
from model.training.display import Display
from model.training.interruption import Interruption
from model.training.memory import keep_freed_memory
from model.training.moving_average import CycleMean, MovingAverage
from model.training.presets import build_network, freeze_body
from model.training.recipe import Recipe
from model.training.samples import Sample, read_samples, repeat_factors
from model.training.schedule import ended_cycles, learning_rate
from model.training.start import is_checkpoint, load_start, preset_to_train
from model.training.step import choose_device, training_step
from model.training.story import Story, in_words, write_recipe
from model.training.troubles import explain
from model.training.validation import validate

CLASSES = "classes.txt"
_WEIGHT_DECAY = 1e-2
_SAVE_SECONDS = 240.0


def train(recipe: Recipe, folder: Path, console: Console) -> signal.Signals | None:
    """Train by the recipe, from the checkpoint on that the run's folder may have.

    Returns the signal that ended it early, if one did. Raises a ModelError with what is
    wrong; the folder then holds the last checkpoint.
    """
    keep_freed_memory()
    return Trainer(recipe, folder, console).run()


class Trainer:
    """One run: where it is, and how it goes on."""

    def __init__(self, recipe: Recipe, folder: Path, console: Console) -> None:
        self.recipe, self.folder = recipe, folder
        self.preset = preset_to_train(recipe.preset, recipe.start, recipe.anchor_ratios)
        self.budget = recipe.budget
        self.classes, self.samples = read_data(recipe)
        self.truth = self._read_truth()
        self.display = Display(console, self.budget, recipe.batch)
        self.device = choose_device()
        self.state = self._begin()
        self._interruption = Interruption()
        self._since = time.monotonic()
        self._saved = Progress()

    def run(self) -> signal.Signals | None:
        """Train until the budget is used up or somebody interrupts."""
        with self._interruption, self.display:
            try:
                self._save()
                self._train()
                self._save()
            except Exception as error:
                self._stop(error)
        self._say_goodbye()
        return self._interruption.requested

    def _read_truth(self) -> Truth | None:
        recipe = self.recipe
        if not recipe.val or not recipe.val_images:
            return None
        return read_val(recipe.val, recipe.val_images, self.classes, chosen=bool(recipe.classes))

    def _begin(self) -> TrainingState:
        """Build the network and fill it: from the run's checkpoint, or for the first time."""
        torch.manual_seed(self.recipe.seed)
        resumed = (self.folder / CHECKPOINT).exists()
        model = build_network(self.preset, len(self.classes) + 1)
        if not resumed:
            said = load_start(model, self.preset, self.classes, self.recipe.start)
            self.display.say(said)
        if self.recipe.layers == "heads":
            freeze_body(model)
        state = self._make_state(model)
        if resumed:
            state.restore(self.folder)
            self.display.say(f"{self.folder} goes on from step {state.progress.step:,}.")
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (records.LOSSES, records.SCORES):
            records.forget_after(self.folder / name, state.progress.step)
        write_classes(self.folder / CLASSES, self.classes)
        return state

    def _make_state(self, model: nn.Module) -> TrainingState:
        model = model.to(self.device, memory_format=torch.channels_last).train()
        optimizer = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad],
            lr=self.recipe.lr,
            weight_decay=_WEIGHT_DECAY,
        )
        return TrainingState(
            self.preset.name,
            self.classes,
            model,
            MovingAverage(model),
            CycleMean(model),
            optimizer,
            Progress(),
        )

    def _train(self) -> None:
        recipe, progress = self.recipe, self.state.progress
        weights = repeat_factors(self.samples)
        sampler = BatchSampler(
            self.samples, weights, recipe.batch, recipe.sides, recipe.seed, progress.step
        )
        ids = [each.id for each in self.classes]
        dataset = DetectionDataset(self.samples, ids, recipe.copy_paste, recipe.zoom, recipe.mosaic)
        with batches(dataset, sampler, recipe.workers) as loaded:
            while not self._is_over():
                self._step(next(loaded))
                if self._is_evaluation_due():
                    self._evaluate()
                elif progress.seconds - self._saved.seconds > _SAVE_SECONDS:
                    self._save()
        # The clock may have run out in an evaluation.
        self._end_cycles()

    def _is_over(self) -> bool:
        progress = self.state.progress
        used_up = self.budget.progress(progress.step, progress.seconds) >= 1
        return used_up or self._interruption.requested is not None

    def _step(self, batch: Batch) -> None:
        state, progress = self.state, self.state.progress
        share = self.budget.progress(progress.step, progress.seconds)
        rate = learning_rate(self.recipe.lr, progress.step, share, self.recipe.cycles)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed((self.recipe.seed << 32) + progress.step)
        losses = training_step(state.model, state.optimizer, batch.to(self.device))
        state.average.update(state.model, progress.step)
        progress.step += 1
        self._tick()
        self._end_cycles()
        row = {"step": progress.step, "seconds": progress.seconds, "lr": rate, **losses}
        records.append(self.folder / records.LOSSES, row)
        self.display.show_step(progress.step, progress.seconds, losses)

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.progress.seconds += now - self._since
        self._since = now

    def _end_cycles(self) -> None:
        """Take the average into the mean where one of several cycles has ended."""
        state, progress = self.state, self.state.progress
        ended = ended_cycles(
            self.budget.progress(progress.step, progress.seconds), self.recipe.cycles
        )
        if ended > progress.cycles and self.recipe.cycles > 1:
            state.ends.add(state.average.model)
        progress.cycles = ended

    def _is_evaluation_due(self) -> bool:
        progress = self.state.progress
        steps = progress.step - progress.evaluated_step
        since = progress.seconds - progress.evaluated_seconds
        ends = self.budget.progress(progress.step, progress.seconds) >= 1
        return self.truth is not None and (ends or self.budget.is_due(steps, since))

    def _evaluate(self) -> None:
        """Score the weights that count, and keep them if they are the best so far."""
        self._save()
        progress = self.state.progress
        scores = self._scores()
        if scores is None:
            return
        self._tick()
        row = {"step": progress.step, "seconds": progress.seconds, **scores}
        records.append(self.folder / records.SCORES, row)
        progress.evaluated_step, progress.evaluated_seconds = progress.step, progress.seconds
        if scores["AP"] > progress.scores.get("AP", -1):
            progress.scores = scores
            self.state.save_best(self.folder)
        self._save()
        self.display.show_scores(progress.step, scores)

    def _scores(self) -> dict[str, float] | None:
        assert self.truth  # noqa: S101
        return validate(
            self.state.weights,
            self.truth,
            self.preset,
            self.classes,
            stopped=lambda: self._interruption.requested is not None,
        )

    def _save(self) -> None:
        progress = self.state.progress
        self.state.save(self.folder)
        self._saved = replace(progress)
        command = self.recipe.command(self.folder)
        story = Story(command, progress.seconds, progress.step, progress.scores)
        write_recipe(self.folder, self.recipe, story)
        draw_curves(self.folder)

    def _stop(self, error: Exception) -> None:
        """Raise what happened as a sentence, with everything up to here saved if that is sound."""
        reason = explain(error)
        if reason is None:
            raise error
        if isinstance(error, UnreadablePhotograph):
            self._save()
        raise TrainingError(
            f"{reason} Step {self._saved.step:,} is saved: the same command goes on from there."
        ) from error

    def _say_goodbye(self) -> None:
        progress, run = self.state.progress, self.folder
        reached = f"{progress.step:,} steps in {progress.seconds / 3600:.2f} hours"
        if self._interruption.requested:
            self.display.say(
                f"Stopped after {reached}, all saved. To go on: maskdrop model train --run {run}"
            )
            return
        weights = BEST if (run / BEST).exists() else CHECKPOINT
        self.display.say(f"Trained {reached}; best scores: {in_words(progress.scores)}.")
        start = self.recipe.start
        of_model = start is not None and not is_checkpoint(start)
        network = f"--like {start}" if of_model else f"--preset {self.preset.name}"
        if self.recipe.anchor_ratios:
            network += f" --anchor-ratios {','.join(map(str, self.recipe.anchor_ratios))}"
        self.display.say(
            f"Next: maskdrop model import {run / weights} {network} "
            f"--classes {run / CLASSES} --name {run.name}"
        )


def read_data(recipe: Recipe) -> tuple[tuple[ModelClass, ...], list[Sample]]:
    """Read the COCO files: what to learn, and from which photographs. Raises DataError."""
    files = [read_coco_file(*pair) for pair in zip(recipe.data, recipe.images, strict=True)]
    classes = choose_classes(files, recipe.classes)
    ids = [each.id for each in classes]
    alike = (1.0,) * len(files)
    samples = [
        sample
        for file, repeat, stretch in zip(
            files, recipe.repeat or alike, recipe.stretch or alike, strict=True
        )
        for sample in read_samples(file.path, file.images, ids, repeat, stretch)
    ]
    return classes, samples
