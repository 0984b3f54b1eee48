// The part of a reply's text that each token spells. Pure.

/** The spans of a reply. */
export const spansOf = (reply) => spans(reply.text, reply.tokens, reply.begun.text.length);

const INCOMPLETE = "\uFFFD";

/**
 * Spans `{text, from, to}` of tokens `from` up to `to`: one per token, or one for several tokens that spell a character
 * together. Spaces around the reply are not shown, and a special token spells nothing.
 */
export function spans(text, tokens, start = 0) {
  const spans = [];
  let at = start;
  let group = null;
  const close = (end, to) => {
    if (group !== null) spans.push({ text: text.slice(at, end), from: group, to });
    if (group !== null) at = end;
    group = null;
  };
  tokens.forEach((token, index) => {
    const spelled = at === 0 && group === null ? token.text.trimStart() : token.text;
    if (spelled === "") return;
    const from = group === null ? at : nextIndex(text, spelled, at + 1);
    const complete =
      !spelled.includes(INCOMPLETE) && (text.startsWith(spelled, from) || text.slice(from) === spelled.trimEnd());
    if (!complete) {
      group ??= index;
      return;
    }
    close(from, index);
    spans.push({ text: spelled, from: index, to: index + 1 });
    at = from + spelled.length;
  });
  close(text.length, tokens.length);
  return spans.filter((span) => span.text);
}

function nextIndex(text, spelled, from) {
  const index = text.indexOf(spelled, from);
  return index < 0 ? text.length : index;
}
