# ruff: noqa: E501  # a page, and not Python
"""The pages: of a player, and of a picture alone. `player` puts the pictures and the numbers in.

The player's script formats numbers as `wording.number` and `formats.number` do, and computes none.
"""

HEAD = r"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline';img-src data:">
<title>@@TITLE@@</title>
<style>
:root{color-scheme:light dark;--page:#f8fafc;--card:#fff;--ink:#1e293b;--faint:#5b6779;
--line:#d8dfe8;--now:#b45309;--glow:#fde68a;--accent:#1d4ed8;
--mono:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
@media(prefers-color-scheme:dark){:root{--page:#111722;--card:#1b2330;--ink:#e2e8f0;--faint:#9fb0c6;
--line:#34415a;--now:#fbbf24;--glow:#7c5a10;--accent:#6ea8fe}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;padding:12px 16px 20px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,'Segoe UI','DejaVu Sans',sans-serif}
button,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:8px;min-height:36px;padding:2px 11px;cursor:pointer}
button:hover:not(:disabled){border-color:var(--accent)}button:disabled{opacity:.4;cursor:default}
:focus-visible{outline:3px solid var(--accent);outline-offset:1px}
.bar{display:flex;gap:6px;align-items:center;flex-wrap:wrap;position:sticky;top:0;z-index:2;
background:var(--page);padding:6px 0}
.picture{overflow:auto;max-height:max(300px,52vh);border:1px solid var(--line);border-radius:10px;
background:var(--card);margin-bottom:12px;cursor:grab;user-select:none}
.picture svg{display:block;margin:auto}
@media(max-width:700px){body{padding:8px 10px}.picture{max-height:max(300px,66vh)}}
"""
ZOOM = """<span class="bar"><button id="out" aria-label="Zoom out">−</button><button
 id="fit">Fit</button><button id="in" aria-label="Zoom in">+</button></span>"""
VIEWER = r"""
// ---- a picture fits, or is panned and zoomed: no text gets smaller than 9 pixels
function viewer(frame, changed) {
  const svgs = [...frame.querySelectorAll("svg")], v = {on: 0, zoom: 0, show, to, pan};
  const sizes = svgs.map(s => [s.width.baseVal.value, s.height.baseVal.value]);
  const least = svgs.map((s, i) => 9 / 11 * s.viewBox.baseVal.width / sizes[i][0]);
  function show() {
    const w = frame.clientWidth, h = parseFloat(getComputedStyle(frame).maxHeight) - 2;
    if (!w || !h) return;  // hidden; the observer will tell
    const fits = sizes.map(([a, b]) => Math.min(1, w / a, h / b)), before = v.on;
    v.on = fits[0] >= least[0] ? 0 : fits.indexOf(Math.max(...fits));
    v.scale = Math.max(least[v.on], v.zoom || fits[v.on]);
    svgs.forEach((s, i) => {
      s.toggleAttribute("hidden", i !== v.on);
      s.style.width = Math.floor(sizes[i][0] * v.scale) + "px";
      s.style.height = "auto";
    });
    document.getElementById("fit").setAttribute("aria-pressed", !v.zoom);
    if (before !== v.on) changed();
  }
  function to(scale, e) {  // about the pointer, or the middle; 0 fits
    const svg = svgs[v.on], a = svg.getBoundingClientRect(), b = frame.getBoundingClientRect();
    const x = e ? e.clientX : b.left + b.width / 2, y = e ? e.clientY : b.top + b.height / 2;
    v.zoom = scale && Math.min(4, Math.max(least[v.on], scale));
    show();
    const c = svg.getBoundingClientRect();
    frame.scrollLeft += c.left + (x - a.left) / a.width * c.width - x;
    frame.scrollTop += c.top + (y - a.top) / a.height * c.height - y;
  }
  function pan(x, y) { frame.scrollLeft += x; frame.scrollTop += y; }
  let from = null, moved = false;
  frame.addEventListener("wheel", e => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    to(v.scale * Math.exp(-e.deltaY / 300), e);
  }, {passive: false});
  frame.addEventListener("pointerdown", e => {
    from = e.pointerType === "mouse" && e.button === 0 ? e : null;  // a finger scrolls by itself
    moved = false;
  });
  frame.addEventListener("pointermove", e => {
    if (!from || !(e.buttons & 1)) return;
    if (!moved && Math.hypot(e.clientX - from.clientX, e.clientY - from.clientY) < 5) return;
    if (!moved) frame.setPointerCapture(e.pointerId);
    moved = true;
    pan(from.clientX - e.clientX, from.clientY - e.clientY);
    from = e;
  });
  frame.addEventListener("click", e => { if (moved) e.stopPropagation(); moved = false; }, true);
  new ResizeObserver(() => requestAnimationFrame(show)).observe(frame);
  window.addEventListener("resize", show);
  return v;
}
function zoomed(e, look) {  // whether a key was one of ours
  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input,select")) return false;
  if (e.shiftKey && steps[e.key]) look.pan(...steps[e.key].map(x => 60 * x));
  else if (e.key === "+" || e.key === "=") look.to(look.scale * 1.25);
  else if (e.key === "-") look.to(look.scale / 1.25);
  else if (e.key === "0") look.to(0);
  else return false;
  e.preventDefault();
  return true;
}
function buttons(look) {
  for (const [id, f] of [["out", () => look().scale / 1.25], ["in", () => look().scale * 1.25], ["fit", () => 0]])
    document.getElementById(id).onclick = () => look().to(f());
}
"""

PICTURE = (
    HEAD
    + r""".picture{max-height:calc(100vh - 90px)}
</style>
<div class="bar" role="toolbar" aria-label="Zoom">@@ZOOM@@</div>
<div class="picture" tabindex="0" role="group" aria-label="@@TITLE@@">@@PICTURES@@</div>
<script>
"use strict";@@VIEWER@@
const look = viewer(document.querySelector(".picture"), () => {});
look.show();
buttons(() => look);
document.addEventListener("keydown", e => zoomed(e, look));
</script>
</html>
"""
)

PAGE = (
    HEAD
    + r"""@@STYLE@@
h1{font-size:17px;margin:0}h2{font-size:13px;margin:0 0 6px;color:var(--faint);font-weight:600}
header{display:flex;gap:12px;align-items:center;flex-wrap:wrap;margin-bottom:8px}
#play{background:var(--accent);border-color:var(--accent);color:#fff;min-width:92px}
#scrub{flex:1 1 160px;min-width:120px;accent-color:var(--accent)}
#count{font-variant-numeric:tabular-nums;min-width:8.5em;color:var(--faint)}
main{display:grid;grid-template-columns:minmax(0,1fr) minmax(300px,30%);gap:12px;align-items:start}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px}
.card+.card{margin-top:12px}.card[hidden]+.card{margin-top:0}
.picture .box{cursor:pointer}
.box.later{opacity:.35}
.box.now>rect,.box.now>path{stroke:var(--now)!important;stroke-width:2.5}
.box.chosen>rect{stroke-dasharray:5 3;stroke:var(--accent)!important;stroke-width:2}
.edge.now>path:first-child{stroke:var(--now)!important;stroke-width:3}
.edge.now>path:nth-child(2){fill:var(--now)!important}
.told{color:var(--now)!important;fill:var(--now)!important;font-weight:700}
#step{min-height:200px}
.math{font-family:var(--mono);font-size:14px;overflow-wrap:anywhere;margin:6px 0}
table{border-collapse:collapse;width:100%;font-family:var(--mono);font-size:13px}
th{text-align:left;font:600 12px system-ui,sans-serif;color:var(--faint);padding:3px 8px 3px 0;
position:sticky;top:0;background:var(--card)}
td{padding:3px 8px 3px 0;vertical-align:top;overflow-wrap:anywhere;border-top:1px solid var(--line)}
td.n,th.n{text-align:right;padding-left:10px;white-space:nowrap;font-variant-numeric:tabular-nums}
td.array{white-space:pre-line;min-width:9em}
pre{font:12px/1.4 var(--mono);overflow:auto;max-height:24vh;margin:6px 0}
td button{all:unset;cursor:pointer;text-decoration:underline dotted;text-underline-offset:3px}
td button:focus-visible{outline:3px solid var(--accent)}
tr.now td{background:color-mix(in srgb,var(--glow) 45%,transparent)}
.scroll{overflow:auto;max-height:40vh}
.faint{color:var(--faint)}
.kbd{font-size:13px;color:var(--faint);margin:8px 0 0}
kbd{border:1px solid var(--line);border-radius:4px;padding:0 5px;font:12px var(--mono)}
.say{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media(max-width:760px){main{grid-template-columns:minmax(0,1fr)}body{padding:8px 10px}
#count{min-width:0}.kbd{display:none}
#step tr{display:block;border-top:1px solid var(--line);padding:5px 0}#step th{display:none}
#step td{display:flex;justify-content:space-between;gap:12px;border:0;padding:1px 0;text-align:right}
#step td:empty{display:none}#step td::before{content:attr(data-l);color:var(--faint)}}
@media(prefers-color-scheme:dark){#play{color:#0b1220}}
</style>
<header><h1 id="title"></h1><button id="up" hidden>← Whole graph</button></header>
<div class="bar" role="toolbar" aria-label="Playback">
<button id="first" aria-label="First step">|◀</button>
<button id="prev" aria-label="Step back">◀</button>
<button id="play">▶ Play</button>
<button id="next" aria-label="Step forward">▶</button>
<button id="last" aria-label="Last step">▶|</button>
<input id="scrub" type="range" min="0" value="0" step="1" aria-label="Step">
<span id="count"></span>
<label>Speed <select id="speed"><option value="2400">½×</option><option value="1200" selected>1×
</option><option value="600">2×</option><option value="300">4×</option><option value="75">16×</option>
</select></label>
@@ZOOM@@
</div>
<section id="pictures" role="group" aria-label="Graph; the table of gradients says the same">@@PICTURES@@</section>
<main>
<div>
<section id="step" class="card" aria-label="This step"></section>
<p class="kbd"><kbd>←</kbd> <kbd>→</kbd> step &nbsp; <kbd>Home</kbd> <kbd>End</kbd> first, last &nbsp;
<kbd>Space</kbd> play or pause &nbsp; <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom, fit &nbsp;
<kbd>Shift</kbd> with arrows: pan &nbsp; click a node to see where its gradient came from</p>
</div>
<aside>
<section id="chosen" class="card" aria-label="Chosen node" hidden></section>
<section class="card"><h2>Gradients so far</h2><div class="scroll" tabindex="0" role="region"
 aria-label="Table of gradients"><table id="grads"></table></div></section>
</aside>
</main>
<div id="say" class="say" role="status" aria-live="polite"></div>
<script type="application/json" id="data">@@DATA@@</script>
<script>
"use strict";@@VIEWER@@
const D = JSON.parse(document.getElementById("data").textContent);
for (const v of D.views) unpack(v);
const $ = id => document.getElementById(id);
const pictures = [...document.querySelectorAll(".picture")];
let view = 0, at = 0, timer = 0, chosen = -1, shown = [], lit = [], places = [];

// Boxes and steps as the rest of this script reads them; `player.View.record` left out the plain.
function unpack(v) {
  const held = {};
  for (const b of v.boxes) for (const [k, x] of [["t", 1], ["e", ""], ["w", ""], ["l", ""], ["o", -1]]) b[k] ??= x;
  v.steps = v.steps.map(s => s.length === 2 ? {b: s[0], p: 0, g: null, r: [], n: s[1]}
    : {b: s[0], p: 1, g: s[1], r: s[2].map(share), n: s[3]});
  function share([edge, box, name, formula, local, amount, after, before]) {
    name ||= v.boxes[box].n;
    before ??= held[name] ?? 0;
    after ??= before + amount;
    held[name] = after;
    return [edge, box, name, formula, local, amount, before, after];
  }
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
const short = x => Array.isArray(x) ? g(x).replace(/ (mean|max) /g, "\n$1 ") : number(x);
const trim = s => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
function number(x) {
  if (Array.isArray(x)) return D.arrays[x[0]].slice(0, 2).join(" ");
  const s = g(x, 6);
  return typeof x === "number" && /^-?\d+$/.test(s) && Number(s) === x ? s + ".0" : s;
}
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);  // a text is a text, whatever is in it
  return e;
}
const whole = x => x === null || x === undefined ? "no gradient yet" : Array.isArray(x) ? D.arrays[x[0]][2] : String(x);
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
    if (s.p && s.g !== null) grad[s.b] = s.g;
    for (const r of s.r) if (r[1] >= 0) grad[r[1]] = r[7];
  }
  return {known, grad};
}
function here() { return D.views[view]; }
function goto(i) {
  const {boxes, steps} = here();
  at = Math.max(0, Math.min(steps.length, i));
  const step = at ? steps[at - 1] : null, {known, grad} = state(boxes, steps, at);
  const told = new Set(step ? [step.b, ...step.r.map(r => r[1])] : []);
  const edges = step ? (step.p ? step.r.map(r => r[0]) : places[view].into[step.b] || []) : [];
  const {nodes, arrows, data, grads} = drawn(), rows = places[view].rows;
  for (const e of lit) e.classList.remove("now", "told");
  lit = [];
  const light = (e, c) => { if (e) { e.classList.add(c); lit.push(e); } };
  boxes.forEach((b, k) => {
    nodes[k].classList.toggle("later", !known[k]);
    if (!b.t) return;
    set(data[k], "data " + (known[k] ? g(b.d, 4) : "—"));
    set(grads[k], "grad " + g(grad[k], 4));
    if (rows[k]) {
      set(rows[k].cells[1], known[k] ? short(b.d) : "—", known[k] ? b.d : null);
      set(rows[k].cells[2], short(grad[k]), grad[k]);
    }
  });
  if (step) light(nodes[step.b], "now");
  for (const e of edges) light(arrows[e], "now");
  for (const k of told) if (k >= 0) { light(rows[k], "now"); if (step.p) light(grads[k], "told"); }
  if (step && !step.p) light(data[step.b], "told");
  tell(step);
  choose(chosen, grad);
  follow(pictures[view], step ? nodes[step.b] : null);
  const row = step && rows[step.b];
  follow($("grads").parentElement, row || null);
  const scrub = $("scrub");
  scrub.max = steps.length;
  scrub.value = at;
  $("count").textContent = "step " + at + " of " + steps.length;
  scrub.setAttribute("aria-valuetext", $("count").textContent);
  $("first").disabled = $("prev").disabled = at === 0;
  $("next").disabled = $("last").disabled = at === steps.length;
  if (at === steps.length) pause();
}
function set(e, text, x) {
  if (e.textContent !== text) e.textContent = text;
  if (x !== undefined) { e.title = whole(x); e.classList.toggle("array", Array.isArray(x)); }
}
function follow(frame, e) {
  if (!e) { frame.scrollLeft = frame.scrollTop = 0; return; }
  const a = e.getBoundingClientRect(), b = frame.getBoundingClientRect(), room = 24;
  if (a.left < b.left + room || a.right > b.right - room) frame.scrollLeft += a.left + a.width / 2 - b.left - b.width / 2;
  if (a.top < b.top + room || a.bottom > b.bottom - room) frame.scrollTop += a.top + a.height / 2 - b.top - b.height / 2;
}

// ---- the step in words
const values = s => s.n + " value" + (s.n > 1 ? "s" : "");
function tell(step) {
  const out = [], {boxes, steps} = here();
  if (!step) {
    const n = steps.filter(s => !s.p).length;
    out.push(el("h2", {}, "Before the first step"),
      el("p", {}, "First forward, " + n + " step" + (n === 1 ? "" : "s") + ": every value from its inputs. " +
      "Then backward: every node hands its gradient on, times its local derivative."));
  } else {
    const b = boxes[step.b], group = b.k === "group";
    out.push(el("h2", {}, step.p ? "Backward" : "Forward"));
    const made = group ? b.n + ", " + values(step) : b.e || b.n + " = " + number(b.d);
    out.push(el("p", {"class": "math"}, made));
    if (b.l) out.push(el("p", {"class": "math faint"}, b.l));
    if (step.p) out.push(...handed(step, b, group));
    if (step.p && b.w) out.push(el("p", {"class": "faint"}, b.w));
  }
  $("step").replaceChildren(...out);
  $("say").textContent = timer ? "" : $("step").innerText;
}
function handed(step, b, group) {
  const out = [];
  const bar = !group && step.r.some(plainly) ? "ḡ = " : "";
  if (step.g !== null) out.push(el("p", {"class": "math", title: whole(step.g)}, "arriving: " + bar + d(b.n) + " = " + number(step.g)));
  if (!step.r.length) out.push(el("p", {}, b.k === "leaf" ? "A leaf: its gradient is finished." : "Nothing is handed on."));
  else out.push(shares(step, step.r, r => r[2] + inside(r[1]), group));
  return out;
}
const MOST = 40;
const inside = k => k >= 0 && here().boxes[k].k === "group" ? " in " + here().boxes[k].n : "";
const plainly = r => r[4] === null;  // handed back whole, as an array is, and not as a product
const quotient = (step, r) => plainly(r) ? r[3] : "d " + atom(here().boxes[step.b].n) + "/d " + atom(r[2]) + (r[3] ? " = " + r[3] : "");
function shares(step, rows, name, bare) {
  const table = el("table", {}), column = (text, n) => el("th", n ? {"class": "n", scope: "col"} : {scope: "col"}, text);
  const products = !rows.every(plainly);
  table.append(el("tr", {}, column("to"), ...(bare ? [] : [column(products ? "local derivative" : "is handed")]),
    ...(bare || !products ? [] : [column("arriving × local", 1)]), column("share", 1), column("gradient of it", 1)));
  for (const r of rows.slice(0, MOST)) table.append(el("tr", {}, el("td", {"data-l": "to"}, name(r)),
    ...(bare ? [] : [el("td", {"data-l": products ? "local" : "is handed"}, quotient(step, r))]),
    ...(bare || !products ? [] : [el("td", {"class": "n", "data-l": "arriving × local"}, plainly(r) ? "" : number(step.g) + " × " + number(r[4]))]),
    el("td", {...exact(r[5]), "data-l": "share"}, number(r[5])),
    el("td", {...exact(r[7]), "data-l": "gradient of it", title: whole(r[6]) + " → " + whole(r[7])}, number(r[6]) + " → " +
      (Array.isArray(r[7]) && r[7][0] === r[5][0] ? "this share" : number(r[7])))));
  const scroll = el("div", {"class": "scroll"}, table);
  if (rows.length > MOST) scroll.append(el("p", {"class": "faint"}, "... and " + (rows.length - MOST) + " more"));
  return scroll;
}

// ---- the chosen node
function choose(k, grad) {
  chosen = k;
  const {boxes, steps} = here(), card = $("chosen");
  card.hidden = k < 0;
  drawn().nodes.forEach((e, i) => e.classList.toggle("chosen", i === k));
  if (k < 0) return;
  const b = boxes[k], out = [el("h2", {}, "Node " + b.n)];
  if (b.e) out.push(el("p", {"class": "math"}, b.e));
  if (b.l) out.push(el("p", {"class": "math faint"}, b.l));
  if (b.t || b.k === "constant") out.push(...looked(b, grad[k]));
  const from = [];
  for (const s of steps.slice(0, at)) if (s.p) for (const r of s.r) if (r[1] === k) from.push([s, r]);
  if (from.length) {
    const list = el("ul", {});
    for (const [s, r] of from.slice(0, MOST)) list.append(el("li", {"class": "math"}, number(r[5]) + " from " +
      boxes[s.b].n + (plainly(r) ? (r[3] ? " = " + r[3] : "") : " = " + number(s.g) + " × " + number(r[4]) + (r[3] ? "  (" + r[3] + ")" : ""))));
    out.push(el("p", {}, "Its gradient came from:"), list);
  } else if (b.k !== "constant") out.push(el("p", {"class": "faint"}, grad[k] === null ? "No share has reached it yet." : "It is where the pass begins."));
  if (b.o >= 0) { const open = el("button", {}, "Open"); open.onclick = () => enter(b.o); out.push(open); }
  const close = el("button", {"aria-label": "Close the chosen node"}, "Close");
  close.onclick = () => goto((chosen = -1, at));
  out.push(" ", close);
  card.replaceChildren(...out);
}
function looked(b, g) {
  if (!Array.isArray(b.d)) return b.t ? [el("p", {"class": "math"}, "data " + number(b.d) + ", grad " + number(g))] : [];
  return [el("pre", {tabindex: "0"}, "data " + whole(b.d)), ...(b.t ? [el("pre", {tabindex: "0"}, "grad " + (g === null ? "—" : whole(g)))] : [])];
}
function pick(k) { chosen = chosen === k ? -1 : k; goto(at); }

// ---- views
function learn(v) {
  const into = {}, drawn = [...pictures[v].querySelectorAll("svg")].map(svg => {
    const nodes = [...svg.querySelectorAll("g.box")];
    const texts = nodes.map(e => [...e.querySelectorAll("text")]);
    nodes.forEach((e, k) => { e.addEventListener("click", () => pick(k)); });
    return {nodes, arrows: [...svg.querySelectorAll("g.edge")], data: texts.map(t => t.at(-2)), grads: texts.map(t => t.at(-1))};
  });
  for (const s of D.views[v].steps) if (s.p) for (const r of s.r) if (r[0] >= 0) (into[s.b] ||= []).push(r[0]);
  places[v] = {drawn, into, rows: [], look: viewer(pictures[v], () => goto(at))};
}
const look = () => places[view].look, drawn = () => places[view].drawn[look().on];
function enter(v) {
  pause();
  view = v; chosen = -1; lit = []; at = 0;
  const {title, boxes} = here(), table = $("grads");
  pictures.forEach((p, i) => { p.hidden = i !== v; });
  $("title").textContent = v ? "Inside " + title : "Backprop of " + D.root;
  $("up").hidden = v === 0;
  table.replaceChildren(el("tr", {}, el("th", {scope: "col"}, "node"), el("th", {"class": "n", scope: "col"}, "data"),
    el("th", {"class": "n", scope: "col"}, "gradient")));
  if (!places[v]) learn(v);
  places[v].rows = [];
  boxes.forEach((b, k) => {
    if (b.k === "constant" || (!b.t && b.o < 0)) return;
    const name = el("button", {}, b.n || "group");
    name.onclick = () => pick(k);
    const form = Array.isArray(b.d) ? [el("div", {"class": "faint"}, D.arrays[b.d[0]][0])] : [];
    const row = el("tr", {}, el("td", {}, name, ...form), el("td", {"class": "n"}), el("td", {"class": "n"}));
    table.append(row);
    places[v].rows[k] = row;
  });
  look().show();
  goto(0);
}

// ---- playing
function pause() {
  clearTimeout(timer);
  timer = 0;
  $("play").textContent = "▶ Play";
}
function play() {
  if (timer) { pause(); $("say").textContent = $("step").innerText; return; }
  if (at === here().steps.length) goto(0);
  $("play").textContent = "❚❚ Pause";
  const tick = () => { timer = setTimeout(tick, +$("speed").value); goto(at + 1); };
  timer = setTimeout(tick, 60);
}
const stop = f => () => { pause(); f(); };
$("play").onclick = play;
$("first").onclick = stop(() => goto(0));
$("prev").onclick = stop(() => goto(at - 1));
$("next").onclick = stop(() => goto(at + 1));
$("last").onclick = stop(() => goto(here().steps.length));
$("scrub").oninput = stop(() => goto(+$("scrub").value));
buttons(look);
$("up").onclick = () => enter(0);
const keys = {ArrowLeft: "prev", ArrowRight: "next", Home: "first", End: "last", " ": "play"};
document.addEventListener("keydown", e => {
  const own = e.target.closest("select,input") || (e.key === " " && e.target.closest("button"));
  if (e.key === "Escape" && chosen >= 0) pick(chosen);
  if (zoomed(e, look()) || !(e.key in keys) || own || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault();
  if (!$(keys[e.key]).disabled) $(keys[e.key]).click();
});
enter(0);
</script>
</html>
"""
)
