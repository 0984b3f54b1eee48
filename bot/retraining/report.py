"""What dann tells its owners of a retraining: how far it is, and how it ended with its figures. One line each."""

from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

STARTED = "i'm learning; i'll tell you how it went"


def progress_line(progress: RetrainProgress, seconds: float) -> str:
    """How far a retraining is that has taken so many seconds."""
    figure = f", {progress.val_bpb:.3f} bits per byte" if progress.val_bpb is not None else ""
    return f"{progress.part}, {progress.share:.0%}{figure}, for {duration(seconds)}"


def outcome_line(ending: RetrainOutcome) -> str:
    """How a retraining ended, with its figures."""
    new = f" with {ending.new_posts:,} new posts" if ending.new_posts is not None else ""
    figures = f", {ending.candidate_bpb:.3f} bits per byte" if ending.candidate_bpb is not None else ""
    if figures and ending.incumbent_bpb is not None:
        figures += f" where {ending.incumbent or 'the one before'} has {ending.incumbent_bpb:.3f}"
    why = f": {ending.reason}" if ending.reason else ""
    told = {
        "published": f"published {ending.candidate or 'a new checkpoint'}{new}{figures}{why}",
        "refused": f"refused, {ending.incumbent or 'what served'} stays{new}{figures}{why}",
        "skipped": f"nothing learned{why}",
        "failed": f"failed, what served stays{why}",
    }
    return told[ending.verdict]


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"
