"""The table [sweep] of an experiment's file: what is compared, what is tuned, and how many seeds. Trains nothing."""

from typing import Any

from pydantic import Field, PositiveInt

from training.config.table import ConfigTable

MOST_SEEDS = 1000


class SweepTable(ConfigTable):
    """Variants to compare, each at its own best of what is tuned.

    `variants` are tables with a `name`, settings by dotted key, and a `tune` of their own where that differs; `over`, a list
    of values for each key, multiplies them. `tune` has lists too, of which each variant gets what is best in the mean. A
    range, `{ log = [low, high] }` or `{ linear = [low, high] }`, is drawn from at random, `draws` times by `draw_seed`.

    Each of `seeds` random seeds is run for all before the next. Then `baseline`, which all are compared with, and the
    `finalists` best variants beside it go on: the two best candidates of each run `runoff_seeds` more, as one seed seldom
    tells neighbouring rates apart; the better of the two runs `final_seeds`, of which nothing was chosen: these are compared.

    A run that is far behind is ended early: once `early_share` of it is done, when its held-out bits per byte are above the
    median of the runs that were finished when it began, at the same share, by more than `early_margin` of that, and there are
    `early_after` of them. 0 as the margin ends none. `parallel` runs go at once, on a core each. `two_core_hours` is the
    budget, which is reported and not enforced.
    """

    seeds: int = Field(0, ge=0, le=MOST_SEEDS)
    finalists: int = Field(0, ge=0)
    runoff_seeds: int = Field(0, ge=0, le=MOST_SEEDS)
    final_seeds: int = Field(0, ge=0, le=MOST_SEEDS)
    baseline: str = ""
    draws: int = Field(0, ge=0, le=10_000)
    draw_seed: int = Field(0, ge=0)
    parallel: PositiveInt = 1
    early_share: float = Field(0.3, gt=0, lt=1)
    early_margin: float = Field(0.1, ge=0)
    early_after: PositiveInt = 4
    two_core_hours: float = Field(0.0, ge=0)
    over: dict[str, Any] = Field({})
    tune: dict[str, Any] = Field({})
    variants: list[dict[str, Any]] = Field([])

    @property
    def choosing_seeds(self) -> int:
        """How many seeds, from 0 on, what is best is chosen by; those from there on are the finals'."""
        return self.seeds + self.runoff_seeds

    @property
    def is_there(self) -> bool:
        """Whether anything of it was given."""
        return bool(self.model_fields_set)
