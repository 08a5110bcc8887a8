// ---- formulas, typeset: the forms of the page, filled with names or with numbers
const forms = D.forms.map(form => {
  const t = document.createElement("template");
  t.innerHTML = "<math>" + form + "</math>";  // made by the printer: it holds no label
  return t.content.firstChild;
});
const MATHML = forms[0].namespaceURI;
function ml(tag, ...children) {
  const e = document.createElementNS(MATHML, tag);
  e.append(...children);
  return e;
}
const UP = "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", DOWN = "₀₁₂₃₄₅₆₇₈₉", PARTS = new RegExp(`^([^${UP}${DOWN}]+)([${UP}]*)([${DOWN},]*)$`, "u");
const flat = (text, from) => [...text].map(c => from.includes(c) ? "0123456789()"[from.indexOf(c)] : c).join("");
// A name with its superscripts and subscripts: w¹₂₁, x₁, v12; of anything else the text.
function named(name) {
  const [, word, digits] = name.match(/^(\p{L}+)_?(\d+)$/u) || [], [, base, up, down] = name.match(PARTS) || [];
  if (word) return ml("msub", ml("mi", word), ml("mn", digits));
  if (!up && !down) return ml("mi", name);
  const close = down.length === 2 && /^\d/.test(flat(up, UP)) && base.endsWith("w");
  const below = ml("mn", close ? [...flat(down, DOWN)].join(",") : flat(down, DOWN)), above = ml("mn", flat(up, UP));
  if (up && down) return ml("msubsup", ml("mi", base), below, above);
  return up ? ml("msup", ml("mi", base), above) : ml("msub", ml("mi", base), below);
}
// A number as `number` writes it.
function numeral(text) {
  if (text.startsWith("-")) return ml("mrow", ml("mo", "−"), numeral(text.slice(1)));
  const [, digits, power] = text.match(/^([\d.]+)e([-+]\d+)$/) || [];
  if (!power) return ml("mn", text);
  return ml("mrow", ml("mn", digits), ml("mo", "×"), ml("msup", ml("mn", "10"), numeral(String(+power))));
}
const bracketed = e => ml("mrow", ml("mo", "("), e, ml("mo", ")"));
// One of the forms, in which `hole(i)` says what fills the i-th: an element, and whether it is whole.
function filled(form, hole) {
  const math = forms[form].cloneNode(true);
  for (const e of math.querySelectorAll("mi")) {
    const i = e.textContent.codePointAt(0) - 0xe000;
    if (!(i >= 0 && i < 256)) continue;
    const [put, whole] = hole(i), near = [e.previousSibling, e.nextSibling].map(x => x?.textContent ?? "");
    const alone = near.join() === "(,)" || ["math", "mfrac", "msqrt"].includes(e.parentNode.localName);
    e.replaceWith(whole || alone ? put : bracketed(put));
  }
  return math;
}
function math(...parts) {
  const e = ml("math");
  e.append(...parts);
  return e;
}
// Pieces of mathematics between which a line may break; a screen reader is told the text.
function formula(text, ...pieces) {
  for (const e of pieces) e.setAttribute("aria-hidden", "true");
  return el("span", {"class": "formula", role: "math", "aria-label": text}, ...pieces.flatMap(e => [e, " "]));
}
const isNumber = text => /^-?[\d.]+(e[-+]\d+)?$/.test(text) || ["inf", "-inf", "nan"].includes(text);
const textual = (b, x) => typeof x === "number" ? here().boxes[x].n : x;
function byName(b) {
  return i => {
    const text = i === 255 ? b.n : textual(b, b.m[2][i]), n = typeof b.m[2][i] === "string" && isNumber(text);
    return n ? [numeral(text), !text.startsWith("-")] : [named(text), atom(text) === text];
  };
}
function byNumber(b) {  // null if an operand has no number to show
  const texts = b.m[2].map(x => typeof x === "string" ? x : typeof here().boxes[x].d === "number" ? number(here().boxes[x].d) : "");
  return texts.every(isNumber) ? i => [numeral(texts[i]), !texts[i].startsWith("-")] : null;
}
const equals = e => (e.prepend(ml("mo", "=")), e);
// What made a box: c = a ⋅ b = 2.0 ⋅ (−3.0) = −6.0
function equation(b) {
  const text = b.e || b.n + " = " + number(b.d);
  const result = Array.isArray(b.d) ? math(ml("mtext", number(b.d))) : math(numeral(number(b.d)));
  const pieces = [math(named(b.n))];
  if (b.m?.[0]) {
    const numbers = byNumber(b);
    pieces.push(equals(filled(b.m[0], byName(b))));
    if (numbers && b.m[2].some(x => typeof x === "number")) pieces.push(equals(filled(b.m[0], numbers)));
  } else if (b.e) return text;  // an operation that has no form
  return formula(text, ...pieces, equals(result));
}
const partial = (above, below) => ml("mfrac", ml("mrow", ml("mo", "∂"), named(above)), ml("mrow", ml("mo", "∂"), named(below)));
// The local derivative of the i-th share of a step: ∂c/∂a = b; on Tensors, the share.
function derivative(b, r, i) {
  const form = b.m?.[1][i] ? filled(b.m[1][i], byName(b)) : null, text = quotient(b, r);
  if (plainly(r)) return form ? formula(text, form) : text;
  return formula(text, math(partial(b.n, r[2])), ...(form ? [equals(form)] : []));
}
// The text of an element, with that of its formulas.
function spoken(e) {
  if (e.nodeType === Node.TEXT_NODE) return e.textContent;
  if (e.matches(".formula")) return e.getAttribute("aria-label");
  return [...e.childNodes].map(spoken).join(e.matches("table,tr,section,div,ul") ? "\n" : " ");
}
