"""Describe a retraining to its owners in one line: progress, or outcome with figures."""

from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

STARTED = "i'm learning; i'll tell you how it went"


def progress_line(progress: RetrainProgress, seconds: float) -> str:
    """Describe the progress of a retraining that has run for `seconds`."""
    figure = f", {progress.val_bpb:.3f} bits per byte" if progress.val_bpb is not None else ""
    return f"{progress.part}, {progress.share:.0%}{figure}, for {duration(seconds)}"


def outcome_line(outcome: RetrainOutcome) -> str:
    """Describe how a retraining ended, with its figures."""
    new = f" with {outcome.new_posts:,} new posts" if outcome.new_posts is not None else ""
    figures = f", {outcome.candidate_bpb:.3f} bits per byte" if outcome.candidate_bpb is not None else ""
    if figures and outcome.incumbent_bpb is not None:
        figures += f" where {outcome.incumbent or 'the one before'} has {outcome.incumbent_bpb:.3f}"
    why = f": {outcome.reason}" if outcome.reason else ""
    lines = {
        "published": f"published {outcome.candidate or 'a new checkpoint'}{new}{figures}{why}",
        "refused": f"refused, {outcome.incumbent or 'what served'} stays{new}{figures}{why}",
        "skipped": f"nothing learned{why}",
        "failed": f"failed, what served stays{why}",
    }
    return lines[outcome.verdict]


def duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"
