// ---- the paths that a gradient came along, of those that the pass has used so far
const MOST_PATHS = 6;
function pathsTo(k, steps) {
  const into = new Map(), boxes = new Set([k]), edges = new Set(), counts = new Map();
  for (const s of steps) if (s.p) for (const r of s.r) if (r[1] >= 0) into.set(r[1], [...(into.get(r[1]) || []), [s, r]]);
  const waiting = [k];
  for (const b of waiting) for (const [s, r] of into.get(b) || []) {  // grows while it is read
    edges.add(r[0]);
    if (!boxes.has(s.b)) { boxes.add(s.b); waiting.push(s.b); }
  }
  const first = steps.find(s => s.p);
  for (const s of steps) if (s.p && boxes.has(s.b)) count(s.b);  // users come before what they use
  function count(b) {
    if (!counts.has(b)) counts.set(b, (into.get(b) || []).reduce((n, [s]) => n + (counts.get(s.b) ?? 0n), into.has(b) ? 0n : 1n));
    return counts.get(b);
  }
  const total = into.has(k) ? count(k) : 0n;
  function list(b) {  // each as the shares from the root on
    return into.has(b) ? into.get(b).flatMap(([s, r]) => list(s.b).map(path => [...path, [s, r]])) : [[]];
  }
  return {boxes, edges, total, found: total && total <= MOST_PATHS ? list(k) : [], root: first?.b};
}
// A path in names, and the product along it: loss → v3 → a: 1.0 × 2.0 × (−3.0) = −6.0
function product(path) {
  const {boxes} = here(), names = [...path.map(([s]) => boxes[s.b].n), path.at(-1)[1][2]].join(" → ");
  if (path.some(([, r]) => plainly(r) || typeof r[4] !== "number") || typeof path[0][0].g !== "number") return names;
  const factors = [path[0][0].g, ...path.map(([, r]) => r[4])], signed = x => x < 0 ? "(" + number(x) + ")" : number(x);
  return names + ": " + factors.map(signed).join(" × ") + " = " + number(factors.reduce((a, b) => a * b));
}
