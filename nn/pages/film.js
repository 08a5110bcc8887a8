// ---- what Python computed
const array = (text, Kind) => new Kind(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const g = (x, p = 4) => x !== x ? "nan" : Math.abs(x) === Infinity ? (x > 0 ? "inf" : "-inf") : String(Number(x.toPrecision(p)));
const share = x => x !== x ? "nan" : Math.round(100 * x) + " %";
const LOOKS = ["--a", "--b", "--c", "--d"];
for (const r of D) {
  for (const key of ["epochs", "loss", "numbers"]) r[key] = array(r[key], Float64Array);
  r.accuracy = r.accuracy && array(r.accuracy, Float64Array);
  r.weights = array(r.weights, Float32Array);
  const v = r.view, bytes = v.many || v.kind === "table";
  v.told = array(v.told, bytes ? Uint8Array : Float32Array);
  v.region = array(v.region, v.kind === "region" ? Uint8Array : Float32Array);
  v.x = array(v.x, Float32Array); v.y = array(v.y, Float64Array);
  for (const name in r.curves) r.curves[name] = r.curves[name].map(x => array(x, Float64Array));
}
const times = [...new Set(D.flatMap(r => [...r.epochs]))].sort((a, b) => a - b);

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// A line through points; a number that is not finite is a gap.
function path(points) {
  let d = "", pen = "M";
  for (const [x, y] of points)
    if (Number.isFinite(x) && Number.isFinite(y)) { d += pen + x.toFixed(1) + " " + y.toFixed(1); pen = "L"; } else pen = "M";
  return d;
}
function onto([a, b], [c, d]) { return x => c + (x - a) / (b - a || 1) * (d - c); }
function extent(numbers, margin = 0) {
  const finite = numbers.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
  const more = margin * (high - low) || (high > low ? 0 : 1);
  return finite.length ? [low - more, high + more] : [0, 1];
}

// ---- the losses of all runs, and the cursor
let chart = null;
function drawLosses() {
  const frame = $("losses"), w = frame.clientWidth, h = frame.clientHeight, far = times.at(-1) || 1;
  if (!w) return;
  const lines = D.flatMap((r, i) => [["frame", [r.epochs, r.loss]], ...Object.entries(r.curves)].map(row => [i, ...row]));
  const all = lines.flatMap(([, , [, ys]]) => [...ys]).filter(Number.isFinite), log = all.every(y => y > 0);
  const scaled = log ? Math.log10 : y => y, range = extent(all.map(scaled), 0.05);
  const x = onto([0, far], [62, w - 10]), high = onto(range, [h - 22, 8]), y = v => high(scaled(v));
  frame.replaceChildren();
  for (const k of [0, 0.5, 1]) {
    const v = range[0] + k * (range[1] - range[0]), t = k * far;
    frame.append(sv("line", {class: "axis", x1: 62, x2: w - 10, y1: high(v), y2: high(v)}),
      sv("text", {x: 58, y: high(v) + 4, "text-anchor": "end"}, g(log ? 10 ** v : v, 2)),
      sv("text", {x: x(t), y: h - 6, "text-anchor": ["start", "middle", "end"][2 * k]}, g(t, 3)));
  }
  for (const [i, name, [xs, ys]] of lines)
    frame.append(sv("path", {class: "curve " + name, stroke: "var(" + LOOKS[i % 4] + ")", d: path([...xs].map((e, k) => [x(e), y(ys[k])]))}));
  const cursor = sv("line", {class: "cursor", y1: 4, y2: h - 20}), dots = D.map((r, i) => sv("circle", {r: 4.5, fill: "var(" + LOOKS[i % 4] + ")"}));
  frame.append(cursor, ...dots);
  chart = {x, y, cursor, dots, time: px => times.reduce((best, t, k) => Math.abs(x(t) - px) < Math.abs(x(times[best]) - px) ? k : best, 0)};
  const keys = D.flatMap((r, i) => (D.length > 1 ? [[i, "training", r.name]] : ["training", "validation"].filter(n => n in r.curves).map(n => [0, n, say(n)])));
  const extra = [...(D.length > 1 && D.some(r => r.curves.validation) ? [[-1, "validation", say("validation")]] : []), [D.length > 1 ? -1 : 0, "frame", say("frame")]];
  $("legend").replaceChildren(...[...keys, ...extra].map(([i, name, text]) => el("span", {}, sv("svg", {}, sv("path", {class: "curve " + name,
    stroke: i < 0 ? "currentColor" : "var(" + LOOKS[i % 4] + ")", d: "M0 5H26"})), " " + text)));
}
function drawCursor() {
  if (!chart) return;
  const x = chart.x(times[at]);
  chart.cursor.setAttribute("x1", x); chart.cursor.setAttribute("x2", x);
  D.forEach((r, i) => {
    const y = chart.y(r.loss[r.k]);
    chart.dots[i].toggleAttribute("hidden", !Number.isFinite(y));
    if (Number.isFinite(y)) { chart.dots[i].setAttribute("cx", chart.x(r.epochs[r.k])); chart.dots[i].setAttribute("cy", y); }
  });
}

// ---- the network: lines as wide as their weights
// What the picture says, and the names that layers have by themselves, in the language of the page.
const COUNTED = {input: "inputs", output: "outputs", unit: "units"};
function translated(text) {
  const [, layer, n, what] = text.match(/^(?:layer ([\d.]+)|([\d,]+) (input|output|unit)s?)$/) || [];
  return layer ? say("layer named", layer) : what ? say(COUNTED[what], n === "1" ? 1 : n) : text;
}
function network(r, i) {
  const frame = el("div", {class: "network", tabindex: 0, role: "img", "aria-label": say("network")});
  frame.append(document.querySelectorAll("template")[i].content.cloneNode(true));
  for (const e of frame.querySelectorAll("text")) e.textContent = translated(e.textContent);
  const pictures = [...frame.querySelectorAll("svg")], wide = pictures.map(s => s.width.baseVal.value), least = wide.map(w => w * 9 / 11);
  pictures.forEach((s, k) => Object.assign(s.style, {maxWidth: wide[k] + "px", minWidth: least[k] + "px"}));  // no letter below 9 pixels
  new ResizeObserver(() => {
    const fits = least.findIndex(w => w <= frame.clientWidth), on = fits < 0 ? wide.indexOf(Math.min(...wide)) : fits;
    pictures.forEach((s, k) => s.toggleAttribute("hidden", k !== on));
  }).observe(frame);
  const drawn = pictures.map(s => [...s.querySelectorAll("[data-x]")]);
  const n = r.weights.length / r.epochs.length, most = r.weights.reduce((m, w) => Number.isFinite(w) ? Math.max(m, Math.abs(w)) : m, 0) || 1;
  const thick = drawn.map(es => es.map(e => e.getAttribute("stroke-width") - e.dataset.thin));
  const weight = j => r.weights[r.k * n + j];
  r.show.push(() => drawn.forEach((es, s) => es.forEach((e, j) => {
    const w = weight(j), look = !Number.isFinite(w) ? "odd" : w > 0 ? "positive" : w < 0 ? "negative" : "zero", part = look === "odd" ? 1 : Math.abs(w) / most;
    if (e.tagName === "path") e.setAttribute("stroke-width", +e.dataset.thin + thick[s][j] * part); else e.setAttribute("r", 2 + 3 * part);
    e.setAttribute("class", (e.tagName === "path" ? "line " : "dot ") + look);
  })));
  frame.addEventListener("pointerover", event => drawn.forEach(es => {
    const j = es.indexOf(event.target);
    if (j >= 0) es[j].replaceChildren(sv("title", {}, g(weight(j))));
  }));
  return card("network", frame, el("p", {class: "faint"}, n ? say("largest", g(most, 3)) : say("still")));
}
const card = (name, ...children) => el("section", {class: "card", "aria-label": say(name)}, el("h2", {}, say(name)), ...children);

// ---- predictions
const mixed = t => t !== t ? "var(--odd)" : "color-mix(in srgb,var(--high) " + 100 * Math.min(1, Math.max(0, t)) + "%,var(--low))";
const hue = c => c === 255 ? "var(--odd)" : c < 4 ? "var(" + LOOKS[c] + ")" : "hsl(" + (205 + c * 137.5) % 360 + " 70% 48%)";
function view(r) {
  const v = r.view, n = v.y.length, target = j => v.y[j], asked = el("p", {class: "asked"});
  if (v.kind === "none") return card("none");
  const told = j => v.told[r.k * n + j], class_ = v.many || v.kind === "table";
  const name = x => class_ ? (x === 255 ? say("nowhere") : String(x)) : g(x);
  const middle = (v.scale[0] + v.scale[1]) / 2;
  const wrong = j => v.classes && (class_ ? told(j) !== target(j) : !(told(j) === told(j)) || told(j) > middle !== target(j) > middle);
  const input = el("input", {type: "number", min: 1, max: n, value: 1, "aria-label": say("sample")}), text = el("span", {class: "math"});
  asked.append(say("sample") + " ", input, " ", text);
  const chosen = () => Math.min(n, Math.max(1, Math.round(+input.value) || 1)) - 1;
  const drawing = v.kind === "table" ? confusion(r, told, target) : plane(r, told, target, wrong, chosen, j => { input.value = j + 1; show(); });
  const show = () => { drawing.show(); text.textContent = say("sample told", name(target(chosen())), name(told(chosen()))); };
  input.oninput = show;
  r.show.push(show);
  return card(v.kind, drawing.e, asked, ...(v.classes && v.kind !== "table" ? [el("p", {class: "faint"}, say("ring"))] : []));
}
function plane(r, told, target, wrong, chosen, pick) {
  const v = r.view, n = v.y.length, w = 400, h = v.kind === "region" ? 400 : 300, flat = v.kind === "scatter";
  const e = el("div", {class: "plane"}), over = sv("svg", {viewBox: "0 0 " + w + " " + h, role: "group", "aria-label": say(v.kind)});
  const tall = extent([...v.y, ...v.scale], 0.15), sides = v.kind === "region" ? v.axes : flat ? [tall, tall] : [v.axes[0], tall];
  const x = onto(sides[0], [0, w]), y = onto(sides[1], [h, 0]), d = v.axes.length;
  const t = onto(v.scale, [0, 1]), goal = onto(extent([...v.y]), [0, 1]), fitted = sv("path", {class: "fitted"});
  if (flat) over.append(sv("path", {class: "even", d: path([[x(tall[0]), y(tall[0])], [x(tall[1]), y(tall[1])]])}));
  if (v.kind === "curve") over.append(fitted);
  const look = c => v.many ? hue(c) : mixed(v.classes ? +(goal(c) > 0.5) : t(c));
  const points = [...v.y].map((c, j) => {
    const square = v.many ? c % 2 : v.classes && goal(c) > 0.5;  // not by colour alone
    const p = sv("path", {class: "point", d: square ? "M-4.5-4.5H4.5V4.5H-4.5Z" : "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z", style: "fill:" + (v.kind === "region" ? look(c) : "var(--low)")});
    p.onclick = () => pick(j);
    return p;
  });
  const ring = sv("circle", {class: "chosen", r: 10}), names = flat ? [say("target"), say("prediction")] : v.kind === "curve" ? ["x", "y"] : ["x₁", "x₂"];
  const [across, up] = sides.map(([a, b], k) => names[k] + " " + g(a, 2) + " … " + g(b, 2));
  over.append(...points, ring, sv("text", {x: w - 5, y: h - 5, "text-anchor": "end"}, across), sv("text", {x: 5, y: 14}, up));
  const canvas = v.kind === "region" ? el("canvas", {width: v.across, height: v.across}) : null;
  e.append(...(canvas ? [canvas] : []), over);
  const m = v.region.length / r.epochs.length;
  function show() {
    if (canvas) paint(canvas, v.region.subarray(r.k * m, (r.k + 1) * m), v.many);
    if (v.kind === "curve") fitted.setAttribute("d", path([...v.region.subarray(r.k * m, (r.k + 1) * m)].map((z, i) => [w * i / (m - 1), Math.max(-h, Math.min(2 * h, y(z)))])));
    points.forEach((p, j) => {
      const px = x(flat ? v.y[j] : v.x[j * d]), py = y(flat ? told(j) : v.kind === "curve" ? v.y[j] : v.x[j * d + 1]);
      p.setAttribute("transform", "translate(" + px + " " + (Number.isFinite(py) ? Math.max(0, Math.min(h, py)) : 0) + ")");
      p.setAttribute("class", "point" + (wrong(j) ? " wrong" : ""));
    });
    ring.setAttribute("transform", points[chosen()].getAttribute("transform"));
  }
  return {e, show};
}
function paint(canvas, bytes, many) {
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height), known = {};
  const rgb = text => { context.fillStyle = text.startsWith("var(") ? colour(text.slice(4, -1)) : text; const s = context.fillStyle; return [1, 3, 5].map(i => parseInt(s.slice(i, i + 2), 16)); };
  const low = rgb("var(--low)"), high = rgb("var(--high)"), odd = rgb("var(--odd)");
  bytes.forEach((z, i) => {
    const t = z / 127 - 1, c = z === 255 ? odd : many ? known[z] ||= rgb(hue(z)) : t > 0 ? high : low;
    image.data.set([...c, z === 255 || many ? 90 : 150 * Math.abs(t)], 4 * i);
  });
  context.putImageData(image, 0, 0);
}
function confusion(r, told, target) {
  const v = r.view, k = v.count, n = v.y.length, cells = [], body = el("table", {class: "confusion"});
  const head = c => el("th", {scope: "col"}, c === k ? "nan" : String(c));
  body.append(el("tr", {}, el("td"), ...Array.from({length: k + 1}, (_, c) => head(c))));
  for (let i = 0; i < k; i++) {
    cells.push(Array.from({length: k + 1}, (_, c) => el("td", i === c ? {class: "right"} : {})));
    body.append(el("tr", {}, el("th", {scope: "row"}, String(i)), ...cells[i]));
  }
  function show() {
    const counts = Array.from({length: k}, () => new Array(k + 1).fill(0));
    for (let j = 0; j < n; j++) counts[target(j)][Math.min(k, told(j))]++;
    counts.forEach((row, i) => row.forEach((m, c) => {
      const all = row.reduce((a, b) => a + b, 0) || 1;
      cells[i][c].textContent = m || "";
      cells[i][c].style.background = "color-mix(in srgb,var(--" + (i === c ? "high" : "low") + ") " + 70 * m / all + "%,transparent)";
    }));
    const odd = counts.some(row => row[k]);
    body.querySelectorAll("tr > :last-child").forEach(e => { e.hidden = !odd; });
  }
  return {e: el("div", {class: "scroll", style: "max-height:none", tabindex: 0}, body), show};
}

// ---- layers
function layers(r) {
  const table = el("table", {class: "layers"}), m = r.layers.length, frames = r.epochs.length, far = times.at(-1) || 1;
  const number = (k, i, c) => r.numbers[(k * m + i) * 5 + c];
  const logs = i => Array.from(r.epochs, (_, k) => Math.log10(number(k, i, 0)));
  const y = onto(extent(r.layers.flatMap((_, i) => logs(i)), 0.05), [22, 2]), x = onto([0, far], [1, 109]);
  table.append(el("tr", {}, ...["layer", "gradient", "over time", "mean outputs", "dead", "saturated"].map(c => el("th", {scope: "col"}, say(c)))));
  r.layers.forEach(([name, activation], i) => {
    const cells = Array.from({length: 4}, () => el("td", {class: "n"})), cursor = sv("line", {class: "cursor", y1: 0, y2: 24});
    const spark = sv("svg", {viewBox: "0 0 110 24", "aria-hidden": "true"}, sv("path", {class: "spark", d: path(logs(i).map((l, k) => [x(r.epochs[k]), y(l)]))}), cursor);
    table.append(el("tr", {}, el("th", {scope: "row"}, translated(name) + (activation && activation !== "linear" ? " · " + activation : "")), cells[0], el("td", {}, spark), ...cells.slice(1)));
    r.show.push(() => {
      const [gradient, mean, deviation, dead, saturated] = [0, 1, 2, 3, 4].map(c => number(r.k, i, c));
      const texts = [g(gradient), g(mean, 3) + " ± " + g(deviation, 3), activation === "relu" ? share(dead) : "—", ["sigmoid", "tanh"].includes(activation) ? share(saturated) : "—"];
      texts.forEach((text, c) => { cells[c].textContent = text; cells[c].classList.toggle("bad", /nan|inf/.test(text)); });
      cursor.setAttribute("x1", x(r.epochs[r.k])); cursor.setAttribute("x2", x(r.epochs[r.k]));
    });
  });
  return card("layers", el("div", {class: "scroll", tabindex: 0}, table));
}

// ---- runs, and going from frame to frame
function build(r, i) {
  r.show = []; r.k = 0;
  r.name = r.title ?? (D.length > 1 ? say("run", i + 1) + ": " : "") + say("batch", r.size ?? "?");
  const run = el("div", {class: "run", role: "group", "aria-label": r.name}), now = el("p", {class: "now"});
  const facts = [r.stopped === "finished" ? "" : say(r.stopped, r.best), r.frames[0] < r.frames[1] ? say("some frames", ...r.frames) : "",
    r.samples[0] < r.samples[1] ? say("some samples", ...r.samples) : ""].filter(Boolean).join(" · ");
  const title = el("h2", {}, el("b", {style: D.length > 1 ? "color:var(" + LOOKS[i % 4] + ")" : ""}, r.name), facts && " · " + facts);
  r.show.push(() => {
    const row = [["epoch now", g(r.epochs[r.k])], ["loss now", g(r.loss[r.k])], ...(r.accuracy ? [["accuracy now", g(r.accuracy[r.k], 3)]] : [])];
    now.replaceChildren(...row.flatMap(([key, x]) => [say(key) + " ", el("b", {class: key.split(" ")[0]}, x), " \u2002"]),
      times[at] > r.epochs.at(-1) ? "(" + say("ended") + ")" : "");
  });
  run.append(el("section", {class: "card wide head"}, title, now), view(r), network(r, i), layers(r));
  run.lastChild.classList.add("wide");
  $("runs").append(run);
}
function goto(i) {
  at = Math.max(0, Math.min(times.length - 1, i));
  for (const r of D) {
    while (r.k + 1 < r.epochs.length && r.epochs[r.k + 1] <= times[at]) r.k++;
    while (r.k && r.epochs[r.k] > times[at]) r.k--;
    for (const show of r.show) show();
  }
  drawCursor();
  placed(times.length - 1, say("epoch", g(times[at]), g(times.at(-1))));
  announce();
}
function announce() {
  $("say").textContent = timer ? "" : D.map(r => (D.length > 1 ? r.name + ": " : "") + say("told", g(r.epochs[r.k]), g(r.loss[r.k]))).join("; ");
}
const drag = e => { if (e.type === "pointerdown" || e.buttons & 1) { pause(); goto(chart.time(e.offsetX)); } };
$("losses").addEventListener("pointerdown", drag);
$("losses").addEventListener("pointermove", drag);
if (calm.matches) $("speed").value = "400";  // nothing moves by itself, and little at a time
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => goto(at));
D.forEach(build);
new ResizeObserver(() => { drawLosses(); drawCursor(); }).observe($("losses"));
drawLosses();
goto(0);
