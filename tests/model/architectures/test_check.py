"""Mistakes in a cell are one line with the file, the line and the shapes: each kind planted once, in a file of its own."""

from pathlib import Path
from typing import Any

import pytest
from flax import nnx

from model.architectures import ARCHITECTURES, LanguageModel, build, cells
from model.architectures.check import check_architecture, check_behaviour
from model.config import ModelConfig
from model.errors import DannError

SIZES: dict[str, Any] = {"vocab_size": 32, "hidden_dim": 16}
HEAD = """import jax, jax.numpy as jnp
from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.step_model import StepLM
"""
CELL = """
class Planted(RecurrentLM):
    num_gates, carry_size = 1, 1
    @staticmethod
    def cell(x, r, carry):
        return (jnp.tanh(x + r),)
"""
STEP = """
class Planted(StepLM):
    carry_size = 1
    def params(self, rngs, hidden_dim, input_dim=0):
        return {"w": jnp.ones((input_dim, hidden_dim)), "u": jnp.ones((hidden_dim, hidden_dim))}
    @staticmethod
    def step(x, carry, own):
        return (jnp.tanh(x @ own["w"] + carry[0] @ own["u"]),)
"""
CALL = """
    def __call__(self, tokens, carry, *, noise=None, dtype=jnp.float32):
        logits, after = super().__call__(tokens, carry, noise=noise, dtype=dtype)
"""
"""Before what a planted network does with its logits and carry. A planted class is line 5 of its file, its cell line 7."""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that builds the network of a file; the check has not seen it before."""
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)

    def built(source: str, **sizes: Any) -> LanguageModel:
        name = f"planted_{len(list(tmp_path.iterdir()))}_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(HEAD + source)
        return build(ModelConfig(architecture=name, **SIZES | sizes), 0)

    return built


def said(error: pytest.ExceptionInfo[DannError]) -> tuple[str, str]:
    """The line number, and what is said of it; the file is named before."""
    message = str(error.value)
    assert "\n" not in message
    file, line, rest = message.split(":", 2)
    assert file.startswith("planted_")
    assert file.endswith(".py")
    return line, rest.strip()


@pytest.mark.parametrize("source", [CELL, STEP])
def test_what_is_right_passes(planted: Any, source: str) -> None:
    check_behaviour(planted(source))


FAILS = "cell(x [2, 16], r [2, 16], carry ([2, 16])) with num_gates = 1 fails: "
WRONG_SHAPES = {
    "gates that do not fit": (
        CELL.replace("x + r", "x[:, :4] + r"), "9",
        FAILS + "TypeError: add got incompatible shapes for broadcasting: (2, 4), (2, 16)",
    ),
    "a carry of another shape": (
        CELL.replace("num_gates, carry_size = 1, 1", "num_gates, carry_size = 2, 1"), "7",
        "cell(x [2, 32], r [2, 32], carry ([2, 16])) returns ([2, 32]); it must return the carry after the step, the tuple "
        "([2, 16]), the output h last",
    ),
    "one array too many": (
        CELL.replace("(jnp.tanh(x + r),)", "(jnp.tanh(x + r), carry[0])"), "7",
        "cell(x [2, 16], r [2, 16], carry ([2, 16])) returns ([2, 16], [2, 16]); it must return the carry after the step, "
        "the tuple ([2, 16]), the output h last",
    ),
    "a list for a tuple": (
        CELL.replace("(jnp.tanh(x + r),)", "[jnp.tanh(x + r)]"), "7",
        "cell(x [2, 16], r [2, 16], carry ([2, 16])) returns a list of [2, 16]; it must return the carry after the step, "
        "the tuple ([2, 16]), the output h last",
    ),
    "nothing returned": (
        CELL.replace("return (", "(").replace("+ r),)", "+ r),)"), "7",
        "cell(x [2, 16], r [2, 16], carry ([2, 16])) returns NoneType; it must return the carry after the step, the tuple "
        "([2, 16]), the output h last",
    ),
    "parameters that are not returned": (
        CELL + "    def params(self, rngs, hidden_dim):\n        {'p': jnp.ones(hidden_dim)}\n", "10",
        "params returns NoneType; it must return a dict of arrays by name",
    ),
    "a bias that is not as wide as the gates": (
        CELL + "    def initial_bias(self, hidden_dim):\n        return jnp.ones(3 * hidden_dim)\n", "10",
        "initial_bias(16) is [48]; with num_gates = 1 it must be [num_gates * hidden_dim], [16]",
    ),
    "a condition on a traced array": (
        CELL.replace("        return", "        if x.sum() > 0: x = -x\n        return"), "9",
        FAILS + "TracerBoolConversionError: a condition (if, while, "
        "and, or, max) asks for the value of an array that has none while the step is compiled; use jnp.where",
    ),
    "a number taken out of a traced array": (
        CELL.replace("x + r", "float(x[0, 0]) + r"), "9",
        FAILS + "ConcretizationTypeError: float(), int(), bool() or a "
        "shape asks for the value of an array that has none while the step is compiled; keep to jnp functions",
    ),
    "NumPy on a traced array": (
        CELL.replace("jnp.tanh(x + r)", "__import__('numpy').tanh(x + r)"), "9",
        FAILS + "TracerArrayConversionError: NumPy asks for the value "
        "of an array that has none while the step is compiled; use jnp instead of np",
    ),
    "a network that was not begun": (
        "\nclass Planted(RecurrentLM):\n    num_gates, carry_size = 1, 1\n    def __init__(self, config, *, rngs):\n"
        "        self.scale = 2.0\n", "7",
        "a network keeps its ModelConfig as self.config; call super().__init__(config, rngs=rngs) in __init__",
    ),
    "a carry of another dtype": (
        CELL.replace("jnp.tanh(x + r)", "jnp.tanh(x + r).astype(jnp.bfloat16)"), "7",
        "cell(x [2, 16], r [2, 16], carry ([2, 16])) returns ([2, 16] bfloat16); it must return the carry after the step, "
        "the tuple ([2, 16]), the output h last",
    ),
    "a cell that mixes by a matmul": (
        CELL.replace("x + r", "(x + r) @ jnp.ones((16, 16))"), "7",
        "cell multiplies by a matrix, which has other bits in other batches and is slow in training; a cell with matrices of "
        "its own subclasses StepLM (model/architectures/parts/step_model.py)",
    ),
    "a cell that adds up units": (
        CELL.replace("x + r", "jax.nn.softmax(x + r)"), "7",
        "cell adds up units (a sum, mean or softmax), in an order that depends on the batch, so that a reply depends on what "
        "else is said; use batch_invariant_sum (model/architectures/parts/batch_invariant.py)",
    ),
    "a step whose matrix does not fit": (
        STEP.replace('carry[0] @ own["u"]', 'jnp.ones((2, 3)) @ own["u"]'), "11",
        "step(x [2, 16], carry ([2, 16]), own {u [16, 16], w [16, 16]}) fails: TypeError: [2, 3] @ own['u'] [16, 16]: the "
        "left side must be [batch, 16]",
    ),
    "logits of another shape": (
        CELL + CALL + "        return logits[..., 1:], after\n", "11",
        "the logits of tokens [2, 8] are [2, 8, 31]; they must be [batch, steps, vocab_size], [2, 8, 32]",
    ),
    "a carry that a call changes": (
        CELL + CALL + "        return logits, (after[0][0],)\n", "11",
        "after tokens [2, 8] the carry is ([2, 16]); it must keep the shapes and dtypes of initial_carry, (([2, 16]))",
    ),
    "a carry whose first axis is not the batch": (
        CELL + "    def initial_carry(self, batch_size):\n        return ((jnp.zeros((16, batch_size)),),)\n", "10",
        "carry[0][0] is [16, 2] for a batch of 2; every array's first axis must be the batch, [batch, ...]",
    ),
    "no gradient through a loop": (
        CELL.replace("jnp.tanh(x + r)", "jax.lax.while_loop(lambda v: v.max() < 9, lambda v: v + 1, x + r)"), "7",
        "cannot be differentiated: ValueError: Reverse-mode differentiation does not work for lax.while_loop",
    ),
    "a name that is not there": (CELL.replace("tanh", "tahn"), "9",
                                 FAILS + "AttributeError: module 'jax.numpy' has no attribute 'tahn'"),
    "no cell": ("\nclass Planted(RecurrentLM):\n    num_gates, carry_size = 1, 1\n", "5",
                "AttributeError: type object 'Planted' has no attribute 'cell'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG_SHAPES)
def test_shapes_that_do_not_fit_are_one_line_with_file_line_and_shapes(planted: Any, mistake: str) -> None:
    source, line, wanted = WRONG_SHAPES[mistake]
    with pytest.raises(DannError) as error:
        check_architecture(planted(source))
    found_line, found = said(error)
    assert (found_line, found[: len(wanted)]) == (line, wanted)


BEHAVIOUR = {
    "looks ahead": (
        CELL + CALL + "        return logits + logits[:, -1:], after\n",
        "it looks ahead: a change of tokens from step 5 on changes earlier steps: logits [2, 5, 32] differ by up to ",
    ),
    "mixes rows": (
        CELL.replace("x + r", "x + r - x.mean(axis=0)"),
        "rows of a batch are mixed: another second row changes the first: logits [1, 8, 32] differ by up to ",
    ),
    "refreshes its carry": (
        CELL + CALL + "        return logits, self.initial_carry(len(tokens))\n",
        "the carry loses something: 5 steps and then the rest: logits [2, 8, 32] differ by up to ",
    ),
    "is not finite": (
        CELL.replace("x + r", "x + r + 1.0 / carry[0][:, :1] * 0.0"),
        "logits [2, 8, 32] are not finite from step 0 on, with matmuls of float32",
    ),
    "is decoded otherwise": (
        CELL + CALL + "        return logits * (2 if tokens.shape[1] == 1 else 1), after\n",
        "one token at a time is not the same as all at once: logits [2, 8, 32] differ by up to ",
    ),
    "does not know BOS": (
        CELL.replace("(jnp.tanh(x + r),)", "(jnp.tanh(x + r + 1.0), )")
        + "    def initial_carry(self, batch_size):\n        return ((jnp.ones((batch_size, 16)),),)\n"
        + CALL.replace("super().__call__(", "super().__call__(0 * ").replace("0 * tokens", "jnp.maximum(tokens, 1)")
        + "        return logits, after\n",
        "BOS does not empty the carry: what came before it changes what follows: logits [2, 8, 32] differ by up to ",
    ),
    "stops a gradient": (
        CELL.replace("x + r", "x + jax.lax.stop_gradient(r)"),
        "no gradient reaches weights.0 [16, 16]; nothing that it changes is in the logits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BEHAVIOUR)
def test_what_shapes_do_not_show_is_found_by_computing(planted: Any, mistake: str) -> None:
    source, wanted = BEHAVIOUR[mistake]
    model = planted(source)
    check_architecture(model)
    with pytest.raises(DannError) as error:
        check_behaviour(model)
    assert said(error)[1].startswith(wanted)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("def f(:\n", "4: SyntaxError: invalid syntax"),
        ("import nothing_of_this_name\n", "4: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = 1\n", "must define one public class of networks; found none"),
        (CELL + CELL.replace("Planted", "Other"), "must define one public class of networks; found Planted, Other"),
        (CELL.replace("num_gates, carry_size = 1, 1", "carry_size = 1"), "5: AttributeError: 'Planted' object has no"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(planted: Any, source: str, wanted: str) -> None:
    with pytest.raises(DannError) as error:
        planted(source)
    message = str(error.value)
    assert "\n" not in message
    assert wanted in message


def test_a_broken_file_breaks_no_other_architecture(planted: Any) -> None:
    with pytest.raises(DannError):
        planted("def f(:\n")
    assert len(ARCHITECTURES) == len(list(ARCHITECTURES))
    assert build(ModelConfig(architecture="gru", **SIZES), 0).config.architecture == "gru"


def test_weight_drop_needs_a_matrix_that_is_called_recurrent(planted: Any) -> None:
    with pytest.raises(
        DannError, match=r"model\.weight_drop 0\.5: .* names no recurrent matrices; set it to 0, or name"
    ):
        planted(STEP, weight_drop=0.5)
    named = planted(STEP.replace("carry_size = 1", 'carry_size, recurrent = 1, ("u",)'), weight_drop=0.5)
    assert named.config.weight_drop == 0.5


def test_a_class_typed_at_a_prompt_is_named_for_want_of_a_file() -> None:
    space: dict[str, Any] = {"__name__": "__prompt__"}
    exec(HEAD + CELL.replace("x + r", "x[:, :4] + r"), space)
    with pytest.raises(
        DannError, match=r"^Planted: cell\(x \[2, 16\], .* fails: TypeError: add got incompatible shapes"
    ):
        check_architecture(space["Planted"](ModelConfig(architecture="planted", **SIZES), rngs=nnx.Rngs(0)))
