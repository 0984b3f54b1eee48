"""Karpathy's char-rnn in PyTorch, ported from his train.lua and LSTM.lua (2015): what his own step reaches on a given split.

Run with IN.npz and OUT.npz: IN has `train` and `val`, ids of characters, their `vocabulary`, `epochs` and `seed`. OUT
gets the weights of the epoch that knew val best, by dann's names for an LSTM. What is his, line by line: two biases a layer,
forget gates' first bias 1, all else uniform within 0.08; 50 columns of the text that are read side by side, 50 characters
at a time; the carry is never reset; the loss of each character is a mean over columns, gradients add up over a window and
are clamped to 5; RMSProp of Torch's optim; the rate falls after 10 epochs.
"""

import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

LAYERS, HIDDEN, COLUMNS, WINDOW = 2, 128, 50, 50
INIT, RATE, RATE_DECAY, DECAY_AFTER, CLAMP = 0.08, 2e-3, 0.97, 10, 5.0
ALPHA, EPSILON = 0.95, 1e-8
READ_AT_ONCE = 1000
OURS = (0, 1, 3, 2)
"""His gates are in, forget, out and the new content; dann's have the content before out."""

Carry = list[tuple[torch.Tensor, torch.Tensor]]


class CharRnn:
    """His network: `i2h` and `h2h` are a layer's two products, each with a bias, and `decoder` the last one."""

    def __init__(self, vocabulary: int, generator: torch.Generator) -> None:
        def uniform(*shape: int) -> torch.Tensor:
            return torch.empty(shape).uniform_(-INIT, INIT, generator=generator)

        gates, widths = 4 * HIDDEN, [vocabulary, *[HIDDEN] * (LAYERS - 1)]
        self.i2h = [(uniform(width, gates), uniform(gates)) for width in widths]
        self.h2h = [(uniform(HIDDEN, gates), uniform(gates)) for _ in widths]
        self.decoder = (uniform(HIDDEN, vocabulary), uniform(vocabulary))
        for _, bias in self.i2h:
            bias[HIDDEN : 2 * HIDDEN] = 1.0
        self.params = [array for pair in (*self.i2h, *self.h2h, self.decoder) for array in pair]
        self.squares = [torch.zeros_like(param) for param in self.params]
        for param in self.params:
            param.requires_grad_()

    def window(self, ids_TxB: torch.Tensor, carry: Carry) -> tuple[torch.Tensor, Carry]:
        """Logits `[T, B, V]` of the character after each, and the carry after the last."""
        inputs = self.i2h[0][0][ids_TxB]
        for layer, (weight, bias) in enumerate(self.h2h):
            if layer:
                inputs = inputs @ self.i2h[layer][0]
            sums = inputs + self.i2h[layer][1]
            (c, h), shown = carry[layer], []
            for step in sums:
                gates = step + h @ weight + bias
                opened = torch.sigmoid(gates[:, : 3 * HIDDEN])
                taken, kept, out = opened.chunk(3, dim=1)
                c = kept * c + taken * torch.tanh(gates[:, 3 * HIDDEN :])
                h = out * torch.tanh(c)
                shown.append(h)
            carry, inputs = [*carry[:layer], (c, h), *carry[layer + 1 :]], torch.stack(shown)
        return inputs @ self.decoder[0] + self.decoder[1], carry

    def step(self, ids_T1xB: torch.Tensor, carry: Carry, rate: float) -> Carry:
        """One step of RMSProp on a window and the character after it."""
        logits, after = self.window(ids_T1xB[:-1], carry)
        loss = functional.cross_entropy(logits.flatten(0, 1), ids_T1xB[1:].flatten(), reduction="sum") / COLUMNS
        gradients = torch.autograd.grad(loss, self.params)
        with torch.no_grad():
            clamped = [gradient.clamp(-CLAMP, CLAMP) for gradient in gradients]
            for param, square, gradient in zip(self.params, self.squares, clamped, strict=True):
                square.mul_(ALPHA).addcmul_(gradient, gradient, value=1 - ALPHA)
                param.addcdiv_(gradient, square.sqrt().add_(EPSILON), value=-rate)
        return [(c.detach(), h.detach()) for c, h in after]

    def nats(self, ids: torch.Tensor) -> float:
        """Nats per character of a text that is read in one pass."""
        carry, total = empty(1), 0.0
        with torch.no_grad():
            for start in range(0, len(ids) - 1, READ_AT_ONCE):
                window = ids[start : start + READ_AT_ONCE + 1]
                logits, carry = self.window(window[:-1, None], carry)
                total += float(functional.cross_entropy(logits[:, 0], window[1:], reduction="sum"))
        return total / (len(ids) - 1)

    def by_our_names(self) -> dict[str, np.ndarray]:
        """The weights of the same network in dann, which has one bias where he has two."""

        def ours(array: torch.Tensor) -> np.ndarray:
            parts = array.detach().chunk(4, dim=-1)
            return np.asarray(torch.cat([parts[number] for number in OURS], dim=-1))

        found = {"output": self.decoder[0], "output_bias": self.decoder[1]}
        named = {name: np.asarray(array.detach()) for name, array in found.items()}
        for layer, ((inputs, first), (weights, second)) in enumerate(zip(self.i2h, self.h2h, strict=True)):
            named |= {f"inputs.{layer}": ours(inputs), f"weights.{layer}": ours(weights)}
            named[f"biases.{layer}"] = ours(first + second)
        return named


def empty(rows: int) -> Carry:
    """The carry before the first character."""
    return [(torch.zeros(rows, HIDDEN), torch.zeros(rows, HIDDEN)) for _ in range(LAYERS)]


def windows(ids: torch.Tensor) -> list[torch.Tensor]:
    """His loader: the text in columns, cut into windows `[T + 1, B]`, each with the character after it."""
    whole = len(ids) // (COLUMNS * WINDOW) * COLUMNS * WINDOW
    reads = ids[:whole].view(COLUMNS, -1).T
    targets = torch.cat([ids[1:whole], ids[:1]]).view(COLUMNS, -1).T
    starts = range(0, len(reads), WINDOW)
    return [torch.cat([reads[at : at + WINDOW], targets[at + WINDOW - 1][None]]) for at in starts]


def trained(network: CharRnn, train: torch.Tensor, epochs: int) -> Iterator[None]:
    """Train, and stop after each epoch."""
    rate, carry, read = RATE, empty(COLUMNS), windows(train)
    for epoch in range(1, epochs + 1):
        for window in read:
            carry = network.step(window, carry, rate)
        if epoch >= DECAY_AFTER:
            rate *= RATE_DECAY
        yield


def main() -> None:
    """Train as the files say, and print a line of JSON: steps, seconds of training, and nats per character by epoch."""
    given = np.load(sys.argv[1])
    train, val = (torch.from_numpy(given[part]).long() for part in ("train", "val"))
    torch.set_flush_denormal(True)  # as XLA does
    network = CharRnn(int(given["vocabulary"]), torch.Generator().manual_seed(int(given["seed"])))
    epochs, curve, seconds, began = int(given["epochs"]), list[float](), 0.0, time.perf_counter()
    best = network.by_our_names()
    for _ in trained(network, train, epochs):
        seconds += time.perf_counter() - began
        curve.append(network.nats(val))
        if curve[-1] == min(curve):
            best = network.by_our_names()
        began = time.perf_counter()
    np.savez(sys.argv[2], allow_pickle=False, **best)
    print(json.dumps({"steps": epochs * len(windows(train)), "seconds": seconds, "curve": curve}))


if __name__ == "__main__":
    main()
