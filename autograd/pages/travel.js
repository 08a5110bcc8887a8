// ---- a gradient travels back along its edge, and the share that is handed over is written there
const MOST_TOLD = 6, MOST_WHOLE = 3, LINE = 13, ROUND = 2;  // labels of a step; those with a derivative
let trip = 0;  // the journey that is under way
// An arrow head where an edge begins, for the way back.
function turned(edge) {
  const line = edge.firstElementChild, a = line.getPointAtLength(0), b = line.getPointAtLength(7);
  const long = Math.hypot(a.x - b.x, a.y - b.y) || 1, x = (a.x - b.x) / long, y = (a.y - b.y) / long;
  edge.append(sv("path", {"class": "back", d: `M${a.x} ${a.y}l${3 * y - 7 * x} ${-7 * y - 3 * x} ${-6 * y} ${6 * x}z`}));
}
// A small picture gets room for the labels of a step.
function roomy(svg, steps) {
  const most = Math.min(MOST_TOLD, Math.max(0, ...steps.filter(s => s.p).map(s => s.r.length))), v = svg.viewBox.baseVal;
  const tall = svg.matches(":first-child"), full = most <= MOST_WHOLE;
  const broad = Math.max(v.width, tall ? 0 : most * (full ? 130 : 70)), high = Math.max(v.height, tall ? most * (full ? 3 * LINE + 10 : LINE + 8) : 0);
  const scale = svg.width.baseVal.value / v.width, x = (v.width - broad) / 2, y = (v.height - high) / 2;
  if (broad === v.width && high === v.height) return;
  svg.setAttribute("viewBox", [x, y, broad, high].join(" "));
  svg.setAttribute("width", broad * scale);
  svg.setAttribute("height", high * scale);
  const paper = svg.querySelector(".paper");
  paper.setAttribute("x", x);
  paper.setAttribute("y", y);
}
// The width of a text as the picture's own are measured: without a look at the screen, which is slow.
const wide = text => 6.71 * [...text].reduce((n, c) => n + (/\p{Mn}/u.test(c) ? 0 : c < "\u1100" || c >= "\ud7b0" && c < "\uf900" ? 1 : 2), 0);
const cut = (text, most) => [...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text;
// The lines of a share's label: the number, and how it came about.
function lines(b, r, full) {
  const [shape, elements] = Array.isArray(r[5]) ? D.arrays[r[5][0]] : [], amount = !shape ? g(gradient(r[5]), 4) : elements.length < 20 ? elements : shape;
  if (!full) return [amount];
  if (plainly(r)) return [amount, ...(r[3] ? ["= " + cut(r[3], 18)] : [])];
  const local = g(r[4], 4), shown = r[3] && r[3] !== local && r[3] !== number(r[4]) ? " = " + cut(r[3], 12) : "";
  return [amount, "× ∂" + cut(b.n, 8) + "/∂" + cut(r[2], 8), shown.trim() ? shown.trim() + " = " + local : "= " + local];
}
const inside = (a, b, by = 0) => a.x < b.x + b.width + by && b.x < a.x + a.width + by && a.y < b.y + b.height + by && b.y < a.y + a.height + by;
// What no label may cover, in the units of the picture; known once the picture has been seen.
const covered = new Map();
function obstacles(svg) {
  if (covered.has(svg)) return covered.get(svg);
  if (!svg.clientWidth) return [];  // hidden
  const root = svg.querySelector("g"), inverse = root.getScreenCTM().inverse();
  const seen = [...root.querySelectorAll(".box,.edge>text,.frame>text"), ...svg.querySelectorAll(":scope>text")];
  const found = seen.map(e => {
    const r = e.getBoundingClientRect(), a = new DOMPoint(r.left, r.top).matrixTransform(inverse);
    return {x: a.x, y: a.y, width: r.width * inverse.a, height: r.height * inverse.d};
  });
  covered.set(svg, found);
  return found;
}
// Steps away from a point, the short ones first; across is dearer than along.
const away = [];
for (let dx = -180; dx <= 180; dx += 6) for (let dy = -180; dy <= 180; dy += 6) away.push([dx, dy, Math.hypot(dx, 1.5 * dy)]);
away.sort((a, b) => a[2] - b[2]);
// The free place for a rectangle that is nearest to some points of a line.
function place({width, height}, points, taken, bounds) {
  let best = null, least = Infinity;
  const near = taken.filter(t => points.some(p => inside({...p, width: 0, height: 0}, t, 180 + Math.max(width, height))));
  for (const p of points) for (const [dx, dy, far] of away) {
    if (far + p.far >= least) break;
    const at = {x: p.x + dx - width / 2, y: p.y + dy - height / 2, width, height};
    if (at.x < bounds.x + 3 || at.y < bounds.y + 3 || at.x + width > bounds.x + bounds.width - 3 || at.y + height > bounds.y + bounds.height - 3) continue;
    if (near.some(t => inside(at, t, ROUND))) continue;
    [best, least] = [at, far + p.far];
  }
  return best;
}
function along(edge) {
  const line = edge.firstElementChild, n = line.getTotalLength();
  return t => line.getPointAtLength(t * n);
}
// Middles near the wishes, and far enough apart; both in their order.
function apart(wishes, sizes) {
  const blocks = [];  // [mean of wishes less offsets, how many]
  let offset = 0;
  const offsets = wishes.map((_, i) => (offset += i ? (sizes[i - 1] + sizes[i]) / 2 + 2 * ROUND : 0));
  wishes.forEach((w, i) => {
    let [mean, n] = [w - offsets[i], 1];
    while (blocks.length && blocks.at(-1)[0] >= mean) {
      const [before, m] = blocks.pop();
      [mean, n] = [(mean * n + before * m) / (n + m), n + m];
    }
    blocks.push([mean, n]);
  });
  return blocks.flatMap(([mean, n]) => Array(n).fill(mean)).map((mean, i) => mean + offsets[i]);
}
function written(root, b, r, full) {
  const said = lines(b, r, full), texts = said.map((text, i) => sv("text", {x: 5, y: 10.5 + LINE * i, "class": i ? "local" : "amount"}, text));
  const label = sv("g", {"class": "share"}, ...texts);
  root.append(label);
  const size = {width: Math.max(...said.map(wide)) + 10, height: LINE * texts.length + 3};
  label.prepend(sv("rect", {...size, rx: 4}));
  return {label, size};
}
// The labels of a step back: [share, label, edge] for each share that has an edge in the picture.
function labelled(step, svg, arrows, b) {
  const root = svg.querySelector("g"), shift = root.transform.baseVal.consolidate()?.matrix ?? {e: 0, f: 0}, v = svg.viewBox.baseVal;
  const bounds = {x: v.x - shift.e, y: v.y - shift.f, width: v.width, height: v.height}, taken = [...obstacles(svg)];
  const axis = svg.matches(":first-child") ? "y" : "x", extent = axis === "y" ? "height" : "width";
  const told = step.r.filter(r => r[0] >= 0).slice(0, MOST_TOLD).map(r => ({r, way: along(arrows[r[0]])}));
  for (const t of told) Object.assign(t, {middle: t.way(0.5)[axis], ...written(root, b, t.r, told.length <= MOST_WHOLE)});
  const order = told.toSorted((a, b) => a.middle - b.middle), wishes = apart(order.map(t => t.middle), order.map(t => t.size[extent]));
  order.forEach((t, i) => {
    for (const short of [false, true]) {
      if (short) { t.label.remove(); Object.assign(t, written(root, b, t.r, false)); }
      const points = [0.5, 0.4, 0.6, 0.3, 0.7].map(u => ({x: t.way(u).x, y: t.way(u).y, far: 40 * Math.abs(u - 0.5), [axis]: wishes[i]}));
      const at = place(t.size, points, taken, bounds);
      if (!at) continue;
      taken.push(at);
      t.label.setAttribute("transform", `translate(${at.x} ${at.y})`);
      return;
    }
    t.label.remove();
    t.label = null;
  });
  return told.filter(t => t.label).map(t => [t.r, t.label, arrows[t.r[0]]]);
}
// One after another the shares of a step go from its box to its inputs, where they are added.
async function journey(labels, step, milliseconds, arrive) {
  const mine = ++trip, each = milliseconds / labels.length, root = labels[0][1].parentNode;
  for (const [, label] of labels) label.classList.add("waiting");
  for (const [r, label, edge] of labels) {
    const text = sv("text", {"class": "amount"}, g(step.g ?? r[5], 4)), mover = sv("g", {"class": "mover"}, text);
    const way = along(edge), at = [...Array(13).keys()].map(i => way(1 - i / 12));
    root.append(mover);
    const across = Math.max(...[step.g ?? r[5], r[5]].map(x => wide(g(x, 4)))) + 8;
    text.setAttribute("x", 4 - across / 2);
    text.setAttribute("y", 4);
    mover.prepend(sv("rect", {x: -across / 2, y: -8, width: across, height: 16, rx: 8}));
    const going = mover.animate(at.map(p => ({transform: `translate(${p.x}px, ${p.y}px)`})), {duration: 0.6 * each, easing: "ease-in-out"});
    await halfway(0.3 * each);
    if (mine === trip) { text.textContent = lines(here().boxes[step.b], r, false)[0]; label.classList.remove("waiting"); }
    await going.finished.catch(() => {});
    mover.remove();
    if (mine !== trip) return;
    arrive(r, true);
    await halfway(0.35 * each);
    if (mine !== trip) return;
    arrive(r, false);
  }
}
const halfway = ms => new Promise(done => setTimeout(done, ms));
function halt() {
  trip++;
  document.querySelectorAll(".mover").forEach(e => e.remove());
}
