for (const v of D.views) unpack(v);
const pictures = [...document.querySelectorAll(".picture")];
let view = 0, chosen = -1, shown = [], lit = [], places = [];

// Boxes and steps by letters: the fields of `player.BoxRecord` and of `player.BoxStep`. A share stays an array.
function unpack(v) {
  const keyed = letters => row => Object.fromEntries([...letters].map((letter, i) => [letter, row[i]]));
  v.boxes = v.boxes.map(keyed("nktdewlmosq"));
  v.steps = v.steps.map(keyed("bpgnrfs"));
}
// A number in p digits, as Python's %g writes it; nan and the infinities come as texts.
// An array comes as its place in the list of shapes, elements and closer looks.
function g(x, p) {
  if (x === null || x === undefined) return "—";
  if (typeof x === "string") return x;
  if (Array.isArray(x)) return D.arrays[x[0]][1];
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [mantissa, e] = x.toExponential(p - 1).split("e");
  if (+e >= -4 && +e < p) return trim(x.toFixed(p - 1 - e));
  return trim(mantissa) + "e" + e[0] + e.slice(1).padStart(2, "0");
}
const gradient = x => x === 0 ? 0 : x;  // -0 is a 0 that a relu has multiplied
const short = x => Array.isArray(x) ? g(x).replace(/ (mean|max) /g, "\n$1 ") : number(x);
const trim = s => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
function number(x) {
  if (Array.isArray(x)) return D.arrays[x[0]].slice(0, 2).join(" ");
  const s = g(x, 6);
  return typeof x === "number" && /^-?\d+$/.test(s) && Number(s) === x ? s + ".0" : s;
}
const whole = x => x === null || x === undefined ? say("no gradient") : Array.isArray(x) ? D.arrays[x[0]][2] : String(x);
const exact = x => ({"class": Array.isArray(x) ? "n array" : "n", title: whole(x)});
const atom = n => /^[\w\u0080-\uffff]+(#\d+)?$/.test(n) ? n : "(" + n + ")";
const d = n => "d " + atom(D.root) + "/d " + atom(n);

// What each box shows after step i: its number once it is known, its gradient once it is told.
function state(boxes, steps, i) {
  const known = boxes.map(b => b.k === "leaf" || b.k === "constant"), grad = boxes.map(() => null);
  const fed = new Set(steps.filter(s => !s.p).map(s => s.b));
  boxes.forEach((b, k) => { if (!fed.has(k)) known[k] = true; });
  for (const s of steps.slice(0, i)) {
    if (!s.p) known[s.b] = true;
    if (s.p && s.g !== null) grad[s.b] = gradient(s.g);
    for (const r of s.r) if (r[1] >= 0) grad[r[1]] = gradient(r[7]);
  }
  return {known, grad};
}
function here() { return D.views[view]; }
function goto(i) {
  const {boxes, steps} = here();
  const on = i === at + 1;
  halt();
  at = Math.max(0, Math.min(steps.length, i));
  const step = at ? steps[at - 1] : null, {known, grad} = state(boxes, steps, at);
  const told = new Set(step ? [step.b, ...step.r.map(r => r[1])] : []);
  const edges = step ? (step.p ? step.r.map(r => r[0]) : places[view].into[step.b] || []) : [];
  const {svg, nodes, arrows, data, grads} = drawn(), rows = places[view].rows;
  for (const e of lit) e.classList.remove("now", "told", "path");
  document.querySelectorAll(".share").forEach(e => e.remove());
  svg.classList.toggle("backward", Boolean(step?.p));
  lit = [];
  const light = (e, c) => { if (e) { e.classList.add(c); lit.push(e); } };
  boxes.forEach((b, k) => {
    nodes[k].classList.toggle("later", !known[k]);
    if (!b.t || hiddenFrom(nodes[k], rows[k])) return;
    set(data[k], "data " + (known[k] ? g(b.d, 4) : "—"));
    set(grads[k], "grad " + g(grad[k], 4));
    if (rows[k]) {
      set(rows[k].cells[1], known[k] ? short(b.d) : "—", known[k] ? b.d : null);
      set(rows[k].cells[2], short(grad[k]), grad[k]);
    }
  });
  if (step) light(nodes[step.b], "now");
  for (const e of edges) light(arrows[e], "now");
  for (const k of told) if (k >= 0) { light(rows[k], "now"); if (step.p && boxes[k].t) light(grads[k], "told"); }
  if (step && !step.p) light(data[step.b], "told");
  tell(step);
  choose(chosen, grad, light);
  follow(pictures[view], step ? nodes[step.b] : null);
  const row = step && rows[step.b];
  follow($("grads").parentElement, row || null);
  placed(steps.length, step ? say(step.p ? "backward" : "forward", ...among()) : say("start", steps.length));
  if (step?.p) send(step, svg, on);
  following(rows);
}
// The shares of a step, written at their edges; in motion, one after another.
function send(step, svg, on) {
  const {arrows, grads} = drawn(), {boxes, steps} = here(), labels = labelled(step, svg, arrows, boxes[step.b]);
  const time = timer ? 0.75 * $("speed").value : 1200;
  if (!on || calm.matches || !labels.length || time < 200) return;
  const several = new Set(), once = new Set();
  for (const s of steps) for (const r of s.r) (once.has(r[1]) ? several : once).add(r[1]);
  const sum = (r, now) => "grad " + (now ? g(gradient(r[6]), 4) + " + " + signed(r[5], g, 4) : g(gradient(r[7]), 4));
  for (const [r] of labels.toReversed()) if (r[1] >= 0) set(grads[r[1]], "grad " + g(reached(r), 4));
  journey(labels, step, time, (r, now) => {
    if (r[1] >= 0) set(grads[r[1]], sum(r, now && several.has(r[1]) && typeof r[5] === "number"));
  });
}
const reached = r => r[6] === 0 ? null : r[6];  // before a first share there is no gradient
const signed = (x, f, p) => x < 0 ? "(" + f(x, p) + ")" : f(gradient(x), p);
function set(e, text, x) {
  if (e.field) return;  // a number that can be typed shows itself
  if (e.firstChild?.data !== text) {
    if (e.firstChild) e.firstChild.data = text;
    else e.textContent = text;
    squeezed(e, text);
  }
  if (x !== undefined) { e.title = whole(x); e.classList.toggle("array", Array.isArray(x)); }
}
function follow(frame, e) {
  if (LIVE?.quiet) return;
  if (!e) { frame.scrollLeft = frame.scrollTop = 0; return; }
  const a = e.getBoundingClientRect(), b = frame.getBoundingClientRect(), room = 24;
  if (a.left < b.left + room || a.right > b.right - room) frame.scrollLeft += a.left + a.width / 2 - b.left - b.width / 2;
  if (a.top < b.top + room || a.bottom > b.bottom - room) frame.scrollTop += a.top + a.height / 2 - b.top - b.height / 2;
}

// ---- the step in words
function among() {  // a step among those of its own pass, and how many these are
  const {steps} = here(), n = steps.filter(s => !s.p).length;
  return at <= n ? [at, n] : [at - n, steps.length - n];
}
const values = s => say("values", s.n);
function tell(step) {
  const out = [], {boxes, steps} = here();
  if (!step) {
    const n = steps.filter(s => !s.p).length;
    out.push(el("h2", {}, say("before")),
      el("p", {}, say("intro", n)));
  } else {
    const b = boxes[step.b], group = b.k === "group";
    out.push(el("h2", {}, say(step.p ? "Backward" : "Forward", ...among()), framed(step)));
    const made = group ? b.n + ", " + values(step) : equation(b);
    out.push(el("p", {"class": "math"}, made));
    if (b.l) out.push(el("p", {"class": "math faint"}, b.l));
    if (step.p) out.push(...handed(step, b, group));
    if (step.p && b.w) out.push(el("p", {"class": "faint"}, say(b.w)));
  }
  $("step").replaceChildren(...out);
  announce();
}
function announce() { $("say").textContent = timer || LIVE?.quiet ? "" : spoken($("step")); }
// The frames of the walk that a step covers, and how Python goes there.
function framed({p, f: [first, last], n}) {
  const all = D.passes[+p], where = p ? ".goto(" + first + ")" : ".forward[" + (first - 1) + "]";
  const told = first === last ? say("frame", first, all) : last - first + 1 === n ? say("frames", first, last, all) : say("frames among", n, first, last);
  const same = first === last && among().join() === [first, all].join();
  return el("span", {"class": "frames", title: say("in Python", "trace(…)" + where)}, (same ? "" : told + " ") + where);
}
function handed(step, b, group) {
  const out = [];
  const bar = !group && step.r.some(plainly) ? "ḡ = " : "";
  if (step.g !== null) out.push(el("p", {"class": "math", title: whole(step.g)}, el("span", {"class": "words"}, say("arriving") + ": "), arriving(step, b, bar)));
  if (!step.r.length) out.push(el("p", {}, b.k === "leaf" ? say("finished") : say("nothing")));
  else out.push(shares(step, step.r, receiver, group));
  return out;
}
const MOST = 40;
const receiver = ([, k, name]) => k >= 0 && here().boxes[k].k === "group" && !name.startsWith(here().boxes[k].n) ? say("in group", name, here().boxes[k].n) : name;
const plainly = r => r[4] === null;  // handed back whole, as an array is, and not as a product
const quotient = (b, r) => plainly(r) ? r[3] : "d " + atom(b.n) + "/d " + atom(r[2]) + (r[3] ? " = " + r[3] : "");
function arriving(step, b, bar) {
  const value = Array.isArray(step.g) ? ml("mtext", number(step.g)) : numeral(number(gradient(step.g)));
  return formula(bar + d(b.n) + " = " + number(gradient(step.g)), math(...(bar ? [ml("mi", "ḡ"), ml("mo", "=")] : []), partial(D.root, b.n)), equals(math(value)));
}
// How a sum grows: 2.5 + (-1.0) → 1.5
function growing(r) {
  if (Array.isArray(r[7]) && r[7][0] === r[5][0]) return number(r[6]) + " → " + say("this share");
  if ([r[5], r[6], r[7]].some(Array.isArray)) return number(r[6]) + " → " + number(r[7]);
  return number(gradient(r[6])) + " + " + (typeof r[5] === "number" ? signed(r[5], number) : number(r[5])) + " → " + number(gradient(r[7]));
}
function shares(step, rows, name, bare) {
  const table = el("table", {}), column = (text, n) => el("th", n ? {"class": "n", scope: "col"} : {scope: "col"}, text);
  const products = !rows.every(plainly);
  table.append(el("tr", {}, column(say("to")), ...(bare ? [] : [column(say(products ? "local derivative" : "is handed"))]),
    ...(bare || !products ? [] : [column(say("product"), 1)]), column(say("share"), 1), column(say("sum"), 1)));
  rows.slice(0, MOST).forEach((r, i) => table.append(el("tr", {}, el("td", {"data-l": say("to")}, name(r)),
    ...(bare ? [] : [el("td", {"data-l": say(products ? "local derivative" : "is handed")}, derivative(here().boxes[step.b], r, i))]),
    ...(bare || !products ? [] : [el("td", {"class": "n", "data-l": say("product")}, plainly(r) ? "" : number(gradient(step.g)) + " × " + signed(r[4], number))]),
    el("td", {...exact(r[5]), "data-l": say("share")}, number(gradient(r[5]))),
    el("td", {...exact(r[7]), "data-l": say("sum"), title: whole(r[6]) + " → " + whole(r[7])}, growing(r)))));
  const scroll = el("div", {"class": "scroll"}, table);
  if (rows.length > MOST) scroll.append(el("p", {"class": "faint"}, say("more", rows.length - MOST)));
  return scroll;
}

// ---- the chosen node
function choose(k, grad, light) {
  chosen = k;
  const {boxes, steps} = here(), card = $("chosen");
  card.hidden = k < 0;
  drawn().nodes.forEach((e, i) => e.classList.toggle("chosen", i === k));
  if (k < 0) return;
  const b = boxes[k], out = [el("h2", {}, say("node named", b.n))], paths = pathsTo(k, steps.slice(0, at));
  for (const e of paths.total ? paths.edges : []) light(drawn().arrows[e], "path");
  for (const i of paths.total ? paths.boxes : []) light(drawn().nodes[i], "path");
  if (b.e) out.push(el("p", {"class": "math"}, equation(b)));
  if (b.l) out.push(el("p", {"class": "math faint"}, b.l));
  if (b.t || b.k === "constant") out.push(...looked(b, grad[k]));
  const from = [];
  for (const s of steps.slice(0, at)) if (s.p) for (const r of s.r) if (r[1] === k) from.push([s, r]);
  if (from.length) {
    const list = el("ul", {});
    for (const [s, r] of from.slice(0, MOST)) list.append(el("li", {"class": "math"}, say("from", number(gradient(r[5])), boxes[s.b].n) +
      (plainly(r) ? (r[3] ? " = " + r[3] : "") : " = " + number(gradient(s.g)) + " × " + signed(r[4], number) + (r[3] ? "  (" + r[3] + ")" : "")),
      el("div", {"class": "faint"}, growing(r))));
    out.push(el("p", {}, say("came from")), list, ...ways(paths));
  } else if (b.k !== "constant") out.push(el("p", {"class": "faint"}, grad[k] === null ? say("no share") : say("begins")));
  if (b.o >= 0) { const open = el("button", {}, say("open")); open.onclick = () => enter(b.o); out.push(open); }
  const close = el("button", {"aria-label": say("close chosen")}, say("close"));
  close.onclick = () => goto((chosen = -1, at));
  out.push(" ", close);
  card.replaceChildren(...out);
}
function ways({total, found, root}) {
  const from = here().boxes[root].n;
  if (!found.length) return [el("p", {}, say("many paths", total.toLocaleString(tongue), from))];
  return [el("p", {}, say("paths", found.length, from)), el("ul", {}, ...found.map(path => el("li", {"class": "math"}, product(path))))];
}
function looked(b, g) {
  if (!Array.isArray(b.d)) return b.t ? [el("p", {"class": "math"}, say("data and grad", number(b.d), number(g)))] : [];
  return [el("pre", {tabindex: "0"}, say("data is", whole(b.d))), ...(b.t ? [el("pre", {tabindex: "0"}, say("gradient is", g === null ? "—" : whole(g)))] : [])];
}
function pick(k) { chosen = chosen === k ? -1 : k; goto(at); }

// ---- views
// What the picture says, in the language of the page.
function translated(text) {
  return text.replace(/^([\d,]+) values$/, (_, n) => say("values", n === "1" ? 1 : n))
    .replace(/^([\d,]+) folded into ([\d,]+) box(?:es)?: /, (_, n, boxes) => say("folded", n, boxes === "1" ? 1 : boxes) + ": ");
}
function caption(lines) {  // over the same lines
  const text = lines.map(e => e.textContent).join(" "), most = Math.max(0, ...lines.map(e => wide(e.textContent)));
  const words = text.split("; ").map(translated).join("; ").split(" ");
  for (const e of lines) {
    e.textContent = words.shift() ?? "";
    while (words.length && (e === lines.at(-1) || wide(e.textContent + " " + words[0]) <= most)) e.textContent += " " + words.shift();
  }
}
function learn(v) {
  const into = {}, carry = new Set(D.views[v].steps.flatMap(s => s.p ? s.r.map(r => r[0]) : []));
  const drawn = [...pictures[v].querySelectorAll("svg")].map(svg => {
    roomy(svg, D.views[v].steps);
    const nodes = [...svg.querySelectorAll("g.box")];
    const texts = nodes.map(e => [...e.querySelectorAll("text")]);
    nodes.forEach((e, k) => { e.addEventListener("click", () => pick(k)); });
    for (const e of svg.querySelectorAll(".group>.faint")) e.textContent = translated(e.textContent);
    caption([...svg.querySelectorAll(":scope>text")]);
    const arrows = [...svg.querySelectorAll("g.edge")];
    for (const e of carry) if (e >= 0) { turned(arrows[e]); arrows[e].classList.add("carries"); }
    return {svg, nodes, arrows, data: texts.map(t => t.at(-2)), grads: texts.map(t => t.at(-1))};
  });
  for (const s of D.views[v].steps) if (s.p) for (const r of s.r) if (r[0] >= 0) (into[s.b] ||= []).push(r[0]);
  places[v] = {drawn, into, rows: [], look: viewer(pictures[v], () => goto(at))};
}
const look = () => places[view].look, drawn = () => places[view].drawn[look().on];
function enter(v) {
  pause();
  view = v; chosen = -1; lit = []; at = 0;
  const {title, n, boxes} = here(), table = $("grads");
  LIVE?.refill(v);
  pictures.forEach((p, i) => { p.hidden = i !== v; });
  $("title").textContent = v ? say("inside", title || say("values", n)) : document.title = say("title", D.about);
  $("up").hidden = v === 0;
  table.replaceChildren(el("tr", {}, el("th", {scope: "col"}, say("node")), el("th", {"class": "n", scope: "col"}, say("data")),
    el("th", {"class": "n", scope: "col"}, say("gradient"))));
  if (!places[v]) learn(v);
  places[v].rows = [];
  boxes.forEach((b, k) => {
    if (b.k === "constant" || (!b.t && b.o < 0)) return;
    const name = el("button", {}, b.n || say("group"));
    name.onclick = () => pick(k);
    const form = Array.isArray(b.d) ? [el("div", {"class": "faint"}, D.arrays[b.d[0]][0])] : [];
    const row = el("tr", {}, el("td", {}, name, ...form), el("td", {"class": "n"}), el("td", {"class": "n"}));
    table.append(row);
    places[v].rows[k] = row;
  });
  look().show();
  goto(0);
}

// ---- keys and buttons
buttons(look);
$("up").onclick = () => enter(0);
document.addEventListener("keydown", e => {
  if (e.key === "Escape" && chosen >= 0) pick(chosen);
  zoomed(e, look());
}, true);  // before the keys that go from step to step
enter(0);
