"""The usual suspects: what goes wrong in networks that run without an error, what it means, and where to look.

Most are Karpathy's ("A Recipe for Training Neural Networks", 2019); the others cost somebody weeks. Their order is that of
causes: what stands above usually brings what stands below with it.
"""

from typing import NamedTuple

STEP, OPTIMIZER = "training/loop/step.py", "training/loop/optimizer.py"
LANGUAGE_MODEL, SCAN = "model/architectures/parts/language_model.py", "model/architectures/parts/scan.py"


class Suspect(NamedTuple):
    """One usual cause: its name, what it means for a network, and where it usually is."""

    name: str
    meaning: str
    where: str


SUSPECTS: dict[str, Suspect] = {
    "tokenizer-mismatch": Suspect(
        "tokenizer mismatch",
        "What is encoded does not come back the same, or text is encoded one way and decoded another. The loss may look "
        "fine: the network learns another text.",
        "model/tokenizer.py: encode_batch, token_bytes",
    ),
    "val-is-train": Suspect(
        "val = train",
        "Held-out text is trained on, so the validation loss is only another training loss and hides overfitting.",
        "training/data/split.py: newest_tenth; training/data/corpus.py: build_corpus",
    ),
    "data-differs": Suspect(
        "the dataset is not the text",
        "Tokens, markers or loss weights are not those of the text that was given: text is lost, doubled or out of order.",
        "training/data/dataset.py: build_dataset, token_stream; training/data/windows.py",
    ),
    "not-finite": Suspect(
        "NaN or infinity",
        "A loss, a gradient or a weight is not a number: a logarithm of 0, a division by 0, a rate too high.",
        "the first line that is not finite",
    ),
    "rows-mixed": Suspect(
        "batch rows mixed up",
        "One row's text changes another row's logits: a reshape where a transpose belonged, or an operation over the batch.",
        f"{LANGUAGE_MODEL}; {SCAN}",
    ),
    "wrong-axis": Suspect(
        "wrong axis of softmax or mean",
        "A softmax, a mean or a norm runs over the batch or over time instead of over units or tokens.",
        f"{OPTIMIZER}: cross_entropy; the network's own axis= arguments",
    ),
    "labels-shifted": Suspect(
        "labels shifted wrongly",
        "The target is not the next token but another, such as the one just read, which is trivial to learn.",
        f"{STEP}: _read_window, _loss",
    ),
    "target-leak": Suspect(
        "targets leaking into inputs",
        "The logits of a token depend on tokens after it. The loss falls wonderfully and samples are noise.",
        f"the network's masks and shifts; {STEP}: _loss",
    ),
    "bos-ignored": Suspect(
        "BOS not resetting",
        "Reading BOS does not empty the carry: a conversation goes on from another one's end.",
        f"{LANGUAGE_MODEL}: _hidden (keep); {SCAN}: mask_carry",
    ),
    "carry-lost": Suspect(
        "carry lost between calls",
        "A text read in pieces is not the text read at once: the carry that a call returns is not what the next needs.",
        f"{SCAN}: scan; the network's __call__",
    ),
    "decode-differs": Suspect(
        "decoding is not training's network",
        "Reading one token at a time gives other logits than reading the window: two paths through one network disagree.",
        f"{LANGUAGE_MODEL}: _hidden_step, _logits_step against _hidden, _logits",
    ),
    "carry-refreshed": Suspect(
        "state refreshed each window",
        "The carry is emptied between windows, so nothing before the window can be remembered.",
        f"{STEP}: _reset_carry, _train_step",
    ),
    "softmax-twice": Suspect(
        "softmax twice",
        "The loss gets probabilities where it wants logits. It stays near ln V and its gradient is tiny.",
        f"{OPTIMIZER}: cross_entropy; the network's logits",
    ),
    "tied-wrongly": Suspect(
        "weights tied wrongly",
        "The output matrix and the embedding are one where they should be two, or two where they should be one.",
        f"{LANGUAGE_MODEL}: _tied",
    ),
    "dropout-in-evaluation": Suspect(
        "dropout active in evaluation",
        "Units are dropped while held-out text is scored, or a reply drawn: scores are noisy and too bad.",
        "training/loop/scoring.py: _advance (noise=None); model/architectures/parts/dropout.py",
    ),
    "dropout-missing": Suspect(
        "dropout not active in training",
        "The configured dropout changes nothing while training: the network overfits as if there were none.",
        f"model/architectures/parts/dropout.py: unit_mask; {STEP}: _loss (noise=)",
    ),
    "sum-instead-of-mean": Suspect(
        "sum instead of mean",
        "The loss grows with the batch or the window. Clipping hides it; the learning rate and the clip limit mean "
        "something else for each batch size.",
        f"{STEP}: _loss, num_counted",
    ),
    "loss-differs": Suspect(
        "the loss is another one",
        "The loss that is minimised is not the mean cross-entropy of the next token.",
        f"{STEP}: _loss; {OPTIMIZER}: cross_entropy",
    ),
    "float16-overflow": Suspect(
        "float16 overflow",
        "A value of half precision is above 65,504 and becomes infinite, or below 6e-8 and becomes 0. bfloat16 has float32's "
        "range.",
        f"training/loop/devices.py: compute_dtype; {SCAN}: _matmul",
    ),
    "gradient-stops": Suspect(
        "gradient not reaching a layer",
        "Changing the weight changes the loss, and its gradient says it does not: a stop_gradient, a gradient written by "
        "hand that is wrong, a round or an argmax on the way.",
        f"stop_gradient and custom_vjp on the way to it; {SCAN}: _scan_backward",
    ),
    "gradient-wrong": Suspect(
        "a wrong gradient",
        "The gradient is not the slope of the loss, by finite differences: one written by hand has a slip.",
        f"custom_vjp functions: {SCAN}; model/architectures/lstm.py",
    ),
    "frozen-layer": Suspect(
        "a frozen layer",
        "A weight has a gradient and does not move: it is masked out of the optimizer, or not among the parameters.",
        f"{STEP}: _train_step; {OPTIMIZER}: optimizer",
    ),
    "gradients-pile-up": Suspect(
        "gradients pile up (no zero_grad)",
        "Each update uses the sum of all gradients so far instead of the newest one.",
        f"{STEP}: _train_step; {OPTIMIZER}",
    ),
    "wrong-sign": Suspect(
        "the update goes uphill",
        "Weights move along the gradient instead of against it.",
        f"{STEP}: _train_step (param - rate * update)",
    ),
    "rate-too-high": Suspect(
        "learning rate off by 10x: too high",
        "Steps are so large that the loss jumps about or blows up.",
        "train.learning_rate, train.warmup; training/loop/optimizer.py: learning_rates",
    ),
    "rate-too-low": Suspect(
        "learning rate off by 10x: too low",
        "The loss goes down, but far too slowly.",
        "train.learning_rate; training/loop/optimizer.py: learning_rates",
    ),
    "warmup-missing": Suspect(
        "warm-up missing",
        "The first steps are at the full rate, while Adam knows neither the gradient's size nor the network anything.",
        f"train.warmup; {OPTIMIZER}: learning_rates",
    ),
    "schedule-differs": Suspect(
        "the schedule is another one",
        "The learning rate does not follow the schedule that is configured.",
        f"{OPTIMIZER}: learning_rates, _decay",
    ),
    "clip-too-low": Suspect(
        "clip far too low",
        "Nearly every gradient is cut to a small norm, so its size says nothing and learning is slow.",
        f"train.clip_norm; {OPTIMIZER}: optimizer",
    ),
    "clip-missing": Suspect(
        "gradients are not clipped",
        "A large gradient passes although clipping is configured: one bad window can undo what was learned.",
        f"train.clip_norm; {OPTIMIZER}: optimizer",
    ),
    "decay-too-strong": Suspect(
        "weight decay too strong",
        "A step takes decay times the rate from every matrix. SGD's rates are a hundred times AdamW's: with AdamW's decay, "
        "matrices shrink faster than they learn.",
        "train.weight_decay",
    ),
    "decay-wrong": Suspect(
        "weight decay is wrong",
        "Weights shrink by more or less than configured, or biases shrink too.",
        f"train.weight_decay; {OPTIMIZER}: optimizer",
    ),
    "update-differs": Suspect(
        "the optimizer is another one",
        "The update is not that of the configured optimizer for the gradient.",
        f"{OPTIMIZER}: optimizer, _scaled; {STEP}: _train_step",
    ),
    "average-wrong": Suspect(
        "the moving average does not follow",
        "What is scored and saved is the average of the weights, and it is not that: scores do not move with training.",
        f"{STEP}: _train_step (average)",
    ),
    "same-window": Suspect(
        "the same window every step",
        "The loop does not go on in the text: it overfits one window and learns nothing of the rest.",
        f"{STEP}: _read_window",
    ),
    "evaluation-differs": Suspect(
        "evaluation is wrong",
        "The score on held-out text is not the mean cross-entropy of its counted tokens.",
        "training/loop/scoring.py: _advance, Evaluator",
    ),
    "padding-counted": Suspect(
        "padding counts",
        "Rows and windows are filled up to sizes that programs are compiled for; what fills them is scored or learned too.",
        "training/loop/scoring.py: Evaluator; training/loop/step.py: the padded stream",
    ),
    "checkpoint-differs": Suspect(
        "saved weights are not the network",
        "Weights that are stored and loaded give other logits.",
        "model/checkpoints/checkpoint.py: weights_of, set_weights",
    ),
    "greedy-loops": Suspect(
        "greedy sampling that loops",
        "The likeliest token is always taken, whatever the temperature: replies go round in circles.",
        "model/sampling.py: sample, _sample_index",
    ),
    "sampling-wrong": Suspect(
        "samples are not the network's",
        "Drawn tokens do not have the probabilities that the network gives them.",
        "model/sampling.py; model/engine/slots.py: _decode",
    ),
    "output-bias": Suspect(
        "output bias not primed",
        "The output begins with strong opinions on which tokens are likely that are not the text's: the first steps only "
        "unlearn them.",
        f"{LANGUAGE_MODEL}: output_bias",
    ),
    "bad-start": Suspect(
        "initial weights too large",
        "The first loss is far above ln V: the network is sure of itself before it has read anything.",
        f"{LANGUAGE_MODEL}: uniform, _orthogonal; train.init_range",
    ),
    "dead-part": Suspect(
        "a part without effect",
        "Changing the weight changes nothing, and it has no gradient: nothing uses what it computes.",
        "the network's __call__",
    ),
    "dead-units": Suspect(
        "dead units",
        "Units have the same value for every token: they carry nothing, and no gradient.",
        "the network's activations and initial biases",
    ),
    "saturated": Suspect(
        "saturated gates",
        "Most gates are at 0 or 1 before training, where their slope is 0: they hardly learn.",
        "initial weights and biases; a missing norm",
    ),
    "explodes": Suspect(
        "exploding gradient",
        "The gradient grows with each step back in time: long windows drown in their oldest tokens.",
        "recurrent weights' initial size; train.clip_norm",
    ),
    "ignores-input": Suspect(
        "no better than an input-independent baseline",
        "After training, the network is no better than counting tokens: what it reads does not reach its output.",
        "the way from the embedding to the logits; bptt_length",
    ),
    "does-not-learn": Suspect(
        "does not overfit one window",
        "A network that cannot learn one window by heart has a bug, whatever its size.",
        "the whole loop; begin with the findings above",
    ),
    "breaks": Suspect(
        "it does not run",
        "A shape, a dtype or a name does not fit. Read the line that is named, and print the shapes before it.",
        "the line that is named",
    ),
}
