// Which part of a reply's text each token spells. Pure.

const PART = "\uFFFD";

/**
 * Spans `{text, from, to}` of the tokens `from` until `to`: one a token, or one for several that
 * spell a character together.
 * A blank at the reply's beginning and end is not shown, and a special token spells nothing.
 */
export function spans(text, tokens, place = 0) {
  const found = [];
  let at = place;
  let group = null;
  const close = (end, to) => {
    if (group !== null) found.push({ text: text.slice(at, end), from: group, to });
    if (group !== null) at = end;
    group = null;
  };
  tokens.forEach((token, index) => {
    const spelled = at === 0 && group === null ? token.text.trimStart() : token.text;
    if (spelled === "") return;
    const start = group === null ? at : beginning(text, spelled, at + 1);
    const known =
      !spelled.includes(PART) && (text.startsWith(spelled, start) || text.slice(start) === spelled.trimEnd());
    if (!known) {
      group ??= index;
      return;
    }
    close(start, index);
    found.push({ text: spelled, from: index, to: index + 1 });
    at = start + spelled.length;
  });
  close(text.length, tokens.length);
  return found.filter((span) => span.text);
}

function beginning(text, spelled, from) {
  const start = text.indexOf(spelled, from);
  return start < 0 ? text.length : start;
}
