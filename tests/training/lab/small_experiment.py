"""A text, and the beginning of an experiment's file, that train in a second."""

VERSE = "Then wherefore should I stay? said Anne; the crown, the crown!\n"
TEXT = "".join(f"{number * number} {VERSE}" for number in range(120))


def beginning(question: str) -> str:
    """An experiment's file as far as [train], to which more keys and tables can be added."""
    return f"""
[experiment]
question = "{question}"
train_fraction = 0.8
[tokenizer]
kind = "characters"
[model]
architecture = "rnn"
embed_dim = 0
hidden_dim = 12
dropout = 0.0
weight_drop = 0.0
[train]
batch_size = 8
bptt_length = 20
"""
