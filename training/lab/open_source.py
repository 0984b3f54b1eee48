"""The text that an experiment is run on, opened: a file, or the store's posts."""

from pathlib import Path

from training.lab.preset import ExperimentSettings
from training.lab.source import PostSource, Source, TextSource
from training.posts.learnable import learnable_posts


def open_source(settings: ExperimentSettings, text: str) -> Source:
    """Read `text`, else `experiment.text`, else the posts; raises DannError for what cannot be learned from."""
    path = text or settings.experiment.text
    if path:
        return TextSource(Path(path), settings.experiment.train_fraction, settings.experiment.thinking)
    return PostSource(list(learnable_posts(settings)), settings.data, settings.experiment)
