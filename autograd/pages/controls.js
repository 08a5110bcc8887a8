// ---- the leaves can be typed and dragged
const undone = [], rate = el("input", {value: "0.1", inputmode: "decimal", size: "6", id: "rate"});
const trouble = el("span", {id: "trouble", role: "alert"}), flip = el("p", {id: "flip", role: "status"});
const code = el("textarea", {id: "code", rows: "12", readonly: "", spellcheck: "false", hidden: ""});
const buttonsOf = Object.fromEntries(["descend", "undo", "reset", "copy"].map(id => [id, el("button", {id}, say(id))]));
const MOST_UNDONE = 500;
const LOCKED = {tensors: "locked tensors", operation: "locked operation", size: "locked size"};
let session = "", moved = -1, later = 0, saving = 0;  // an edit in progress, which is undone as one; the leaf last changed

function following(rows) {
  if (!LIVE) return;
  here().boxes.forEach((b, k) => {
    if (!rows[k] || !LIVE.isLeaf.has(b.s)) return;
    const cell = rows[k].cells[1];
    if (hiddenFrom(rows[k])) return;
    if (!cell.field) { cell.replaceChildren(cell.field = field(b.s)); rows[k].classList.add("leaf"); }
    cell.field.refresh();
  });
  if (!rows.watched) { rows.watched = true; rows.forEach(e => sight.observe(e)); }
  if (LIVE.flipped >= 0) $("step").replaceChildren(el("p", {}, warning()));
  const box = here().boxes[chosen], editing = box && LIVE.isLeaf.has(box.s);
  $("edit").hidden = !editing;
  if (editing && $("edit").slot !== box.s) editor(box.s);
  if (editing) for (const e of $("edit").querySelectorAll("input")) e.refresh();
  grips();
  buttonsOf.undo.disabled = !undone.length;
  buttonsOf.reset.disabled = LIVE.leaves.every(k => Object.is(LIVE.data[k], LIVE.recorded[k]));
}
// A text in a box of the picture keeps within it, whatever the number.
function squeezed(e, text) {
  if (!LIVE || !e.ownerSVGElement) return;
  e.room ??= +e.parentNode.querySelector("rect:last-of-type").getAttribute("width") - e.getAttribute("x") - 3;
  const wide = 6.71 * text.length > e.room;
  if (!wide && !e.hasAttribute("textLength")) return;
  if (wide) { e.setAttribute("textLength", e.room); e.setAttribute("lengthAdjust", "spacingAndGlyphs"); }
  else e.removeAttribute("textLength");
}

// ---- a change, and what follows
function change(entries, from) {
  const {data} = LIVE, before = entries.map(([k]) => [k, data[k]]);
  if (!from || from !== session) undone.push(before);
  if (undone.length > MOST_UNDONE) undone.shift();
  session = from || "";
  moved = entries.length === 1 ? entries[0][0] : -1;
  put(entries);
}
function put(entries) {
  for (const [k, x] of entries) LIVE.data[k] = x;
  trouble.textContent = "";
  again();
}
function again() {
  LIVE.evaluate();
  LIVE.refill(view);
  if (at === 0) at = here().steps.length;  // nothing is known before the first step
  const part = here().boxes.length > 60;
  repaint(part);
  clearTimeout(later);
  if (part) later = setTimeout(() => repaint(false), 80);
  const told = warning();
  if (flip.textContent !== told) flip.textContent = told;  // else it would be read out again
  flip.hidden = !told;
}
function repaint(part) {
  [LIVE.quiet, LIVE.part] = [true, part];
  goto(at);
  LIVE.quiet = LIVE.part = false;
}
// In a large picture what is out of sight is painted when the number rests.
const inSight = new Set(), sight = new IntersectionObserver(found => {
  for (const {target, isIntersecting} of found) inSight[isIntersecting ? "add" : "delete"](target);
});
const hiddenFrom = (...parts) => LIVE?.part && !parts.some(e => e && inSight.has(e));
function settle() { session = ""; remember(); }
function warning() {
  const {graph, data, recorded, flipped, leaves} = LIVE, changed = leaves.find(k => !Object.is(data[k], recorded[k]));
  if (flipped >= 0) {
    const k = moved >= 0 ? moved : changed ?? leaves[0], now = called(k) + " = " + number(plain(data[k]));
    if (flipped === graph.looks.length) return say("strayed", now);
    const [, , , was, says, line] = graph.looks[flipped];
    return say("flipped", says, say(was ? "true" : "false"), now, say(was ? "false" : "true")) + (line ? " (" + line + ")" : "");
  }
  const odd = arises();
  if (odd) return odd;
  if (changed === undefined || !graph.unfollowed.length) return "";
  const [how, where] = graph.unfollowed[0];
  return how === "copied" ? say("copied graph") : how ? say("unfollowed", where || how) : say("forgotten");
}
function arises() {
  const {graph, data, walk} = LIVE, bad = k => Number.isNaN(data[k]);
  const k = graph.slots.findIndex(([, ins], k) => k < graph.nodes && bad(k) && !ins.some(bad));
  if (k >= 0 && walk[k]) return say("nan in", madeBy(k));
  const back = [...walk].reverse().find(w => w && !Number.isNaN(w.g) && w.shares.some(Number.isNaN));
  return back ? say("nan gradient", called(back.k)) : "";
}
function madeBy(k) {
  const b = here().boxes.find(b => b.s === k && b.q);
  return b ? called(k) + " = " + byNames(b) : called(k);
}

// ---- typing
const comma = (0.5).toLocaleString(navigator.language).includes(",");  // a keyboard may have no point then
function parsed(text) {
  const bare = text.trim().replace("−", "-").toLowerCase(), t = comma && !bare.includes(".") ? bare.replace(",", ".") : bare;
  const sign = t[0] === "-" ? -1 : 1;
  if (t === "") throw say("no number");
  if (/^[-+]?inf(inity)?$/.test(t)) return sign * Infinity;
  if (/^[-+]?nan$/.test(t)) return NaN;
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/.test(t)) throw say("not a number", text.trim().slice(0, 40));
  if (!Number.isFinite(Number(t))) throw say("too large", t.slice(0, 40));
  return Number(t);
}
const pace = x => 10 ** Math.max(-12, Math.floor(Math.log10(Math.abs(x) || 0.1)) - 1);
const near = x => Number(x.toPrecision(12));
// A step is one of the number's second digit.
function moveBy(k, from, steps) { return Number.isFinite(from) ? near(from + steps * pace(from)) : from; }
function field(k) {
  const e = el("input", {"class": "number", inputmode: "decimal", size: "8", autocomplete: "off", spellcheck: "false",
    "aria-label": say("number of", called(k)), "data-slot": k});
  e.refresh = () => {
    if (e.typing || e.shows !== undefined && Object.is(e.shows, LIVE.data[k])) return;
    e.shows = LIVE.data[k];
    e.value = number(plain(LIVE.data[k]));
    e.title = whole(plain(LIVE.data[k]));
  };
  const typed = () => {
    try { change([[k, parsed(e.value)]], "typed" + k); e.removeAttribute("aria-invalid"); return true; }
    catch (said) { if (typeof said !== "string") throw said; e.setAttribute("aria-invalid", "true"); return said; }
  };
  e.oninput = () => { e.typing = true; e.shows = undefined; typed(); };
  const done = () => {
    const answer = e.typing ? typed() : true;
    e.typing = false;
    if (answer !== true) trouble.textContent = answer;
    settle();
    return answer === true;
  };
  e.onchange = done;
  e.onblur = () => { e.typing = false; e.removeAttribute("aria-invalid"); e.refresh(); };
  e.onkeydown = event => {
    if (event.key === "Enter" && done()) { e.refresh(); e.select(); }
    const way = {ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10}[event.key];
    if (!way) return;
    event.preventDefault();
    e.typing = false;
    change([[k, moveBy(k, LIVE.data[k], way)]], "keys" + k);
    remember();
  };
  dragged(e, k);
  return e;
}
// ---- dragging: four pixels are a step; with Shift, forty
function dragged(e, k) {
  let from = null, waiting = 0, next = 0;
  e.addEventListener("pointerdown", event => {
    if (event.button || !event.isPrimary || document.activeElement === e) return;  // in a field in use, text is selected
    event.stopPropagation();  // the picture is not panned
    from = {x: event.clientX, was: LIVE.data[k], on: false};
  });
  e.addEventListener("pointermove", event => {
    if (!from || !(event.buttons & 1)) { from = null; return; }
    const way = event.clientX - from.x;
    if (!from.on && Math.abs(way) < 4) return;
    if (!from.on) { e.setPointerCapture(event.pointerId); e.classList.add("drag"); e.typing = false; session = ""; }
    from.on = true;
    event.preventDefault();
    next = moveBy(k, from.was, Math.trunc(way / 4) / (event.shiftKey ? 10 : 1));
    waiting ||= requestAnimationFrame(() => { waiting = 0; change([[k, next]], "drag" + k); });
  });
  const end = () => {
    if (from?.on) {
      if (waiting) { cancelAnimationFrame(waiting); waiting = 0; change([[k, next]], "drag" + k); }
      e.dragged = true;
      e.blur();
      setTimeout(() => { e.dragged = false; });
      settle();
    }
    from = null;
    e.classList.remove("drag");
  };
  e.addEventListener("pointerup", end);
  e.addEventListener("pointercancel", end);
  e.addEventListener("click", event => { if (e.dragged) event.stopImmediatePropagation(); }, true);
}
function grips() {
  const place = places[view];
  if (place.grips) return;
  place.grips = true;
  for (const {nodes} of place.drawn) nodes.forEach(e => sight.observe(e));
  here().boxes.forEach((b, k) => {
    if (LIVE.isLeaf.has(b.s)) for (const {nodes} of place.drawn) { nodes[k].classList.add("grip"); dragged(nodes[k], b.s); }
  });
}
function editor(k) {
  const {data} = LIVE, reach = Number.isFinite(data[k]) ? 10 ** Math.ceil(Math.log10(2 * Math.abs(data[k]) || 1)) : 1;
  const range = el("input", {type: "range", min: -reach, max: reach, step: reach / 1000, "aria-label": say("number of", called(k))});
  range.refresh = () => { if (document.activeElement !== range) range.value = data[k]; };
  range.oninput = () => change([[k, near(+range.value)]], "range" + k);
  range.onchange = settle;
  $("edit").slot = k;
  $("edit").replaceChildren(el("label", {}, called(k) + " = ", field(k)), range);
}

// ---- buttons
function descend() {
  try {
    const step = parsed(rate.value), {data, walk, leaves, flipped} = LIVE;
    if (flipped >= 0) return;
    change(leaves.filter(k => walk[k]).map(k => [k, data[k] - step * walk[k].g]));
    settle();
    rate.removeAttribute("aria-invalid");
  } catch (said) {
    if (typeof said !== "string") throw said;
    rate.setAttribute("aria-invalid", "true");
    trouble.textContent = said;
  }
}
function undo() { session = ""; moved = -1; put(undone.pop() || []); remember(); }
function reset() { change(LIVE.leaves.map(k => [k, LIVE.recorded[k]])); settle(); }

// ---- the state of the page in its address, which a frame may not have
// A short mark of the graph: a page saved anew keeps its address, but not what was typed before.
function mark() {
  const {slots, data, names, seed} = LIVE.graph;
  let h = 2166136261;
  for (const c of JSON.stringify([slots, data, names, seed])) h = Math.imul(h ^ c.codePointAt(), 16777619) >>> 0;
  return h.toString(36);
}
function remember() {
  clearTimeout(saving);
  saving = setTimeout(save, 200);  // a browser counts how often an address changes
}
function save() {
  const {leaves, data, recorded} = LIVE, changed = leaves.filter(k => !Object.is(data[k], recorded[k]));
  const told = [["of", LIVE.mark ??= mark()], ["x", changed.map(k => k + ":" + (Object.is(data[k], -0) ? "-0" : data[k])).join(",")], ["rate", rate.value === "0.1" ? "" : rate.value],
    ["view", view || ""], ["step", at]].filter(([, x]) => x !== "").map(pair => pair.map(encodeURIComponent).join("="));
  try { history.replaceState(null, "", "#" + told.join("&")); } catch { /* a frame without an address */ }
}
function recall() {
  const told = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (!told.of || told.of !== mark()) return goto(at);
  if (told.rate) rate.value = told.rate;
  if (D.views[+told.view]) enter(+told.view);
  for (const [k, x] of (told.x || "").split(",").map(pair => pair.split(":")))
    if (LIVE.isLeaf.has(+k) && x && (x === "NaN" || !Number.isNaN(Number(x)))) LIVE.data[k] = Number(x);
  if (told.x) again();
  goto(Math.trunc(told.step) || at);
}

// ---- the graph as it stands, in Python
const WORDS_OF_PYTHON = "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield Value RULES autograd float print match case type".split(" ");
function python() {
  const {graph, data, isLeaf} = LIVE, taken = new Set(WORDS_OF_PYTHON), own = [];
  const literal = x => Number.isFinite(x) ? (/[.e]/.test(x) ? String(x) : (Object.is(x, -0) ? "-0" : x) + ".0") : "float('" + plain(x) + "')";
  const identifier = label => {
    let name = label.normalize("NFKC").slice(0, 40).replace(/[^\p{L}\d_]/gu, "_").replace(/^(?=\d)/, "_") || "_", k = 1;
    const stem = name;
    while (taken.has(name)) name = stem + "_" + ++k;
    taken.add(name);
    return name;
  };
  const last = graph.root + 1, names = graph.names.map(identifier);
  const term = k => k < graph.nodes ? names[k] : (x => x.startsWith("-") ? "(" + x + ")" : x)(literal(data[k]));
  for (let k = 0; k < last; k++) {
    const [row, ins] = graph.slots[k], label = ", label=" + JSON.stringify(graph.names[k]);
    const made = row && graph.python[row].replace(/\{\*?\}/g, (i => hole => hole === "{*}" ? ins.map(term).join(", ") : term(ins[i++]))(0));
    own.push(names[k] + " = " + (isLeaf.has(k) ? "Value(" + literal(data[k]) + label + ")" : made));
  }
  const text = own.join("\n"), heads = ["import autograd", "from autograd import Value"];
  if (text.includes("RULES[")) heads.push("from autograd.core.rules import RULES");
  const root = names[graph.root], seed = Number(graph.seed) === 1 ? "" : literal(Number(graph.seed));
  return [...heads, "", text, "", root + ".backward(" + seed + ")", "print(" + root + ")", ""].join("\n");
}
async function copy() {
  code.value = python();
  code.hidden = false;
  code.select();
  const allowed = document.featurePolicy?.allowsFeature("clipboard-write") ?? true;
  try { await (allowed && navigator.clipboard).writeText(code.value); trouble.textContent = say("copied"); }
  catch { trouble.textContent = say("copy by hand"); }
}

function enliven() {
  if (!LIVE) return $("live").append(el("p", {"class": "faint", id: "locked"}, say(LOCKED[D.locked[0]], D.locked[1])));
  for (const v of D.views) for (const b of v.boxes) if (b.q) Object.defineProperty(b, "e", {get: () => equated(b)});
  for (const [id, act] of [["descend", descend], ["undo", undo], ["reset", reset], ["copy", copy]]) buttonsOf[id].onclick = act;
  $("live").append(el("label", {}, say("rate"), " ", rate), ...Object.values(buttonsOf), trouble, flip, code, el("p", {"class": "faint"}, say("how live")));
  flip.hidden = true;
  code.setAttribute("aria-label", say("code"));
  for (const id of ["first", "prev", "next", "last"]) $(id).addEventListener("click", remember);
  $("scrub").addEventListener("change", remember);
  document.addEventListener("keydown", e => {
    if (e.key !== "z" || !(e.ctrlKey || e.metaKey) || e.shiftKey || e.target.typing || !undone.length) return;
    e.preventDefault();
    undo();
  });
  recall();
}
