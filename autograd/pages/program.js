// ---- a graph computes: {slots: [[row or "", [input slots]], ...], nodes, root, data, looks}
// Slots of nodes come first, the oldest first, then those of plain numbers, which get no share.
// RULES are the rows of the table, printed for this page; a row of a list takes an array. `run` is
// printed with them.

function numbers(graph) { return Float64Array.from(graph.data, Number); }  // some come as texts

// The operations in order, each as its row, its slot, its inputs, and an array for these.
function operations(graph) {
  return graph.operations ??= graph.slots.flatMap(([row, ins], k) => row ? [operation(row, k, ins)] : []);
}
function operation(row, k, ins) {
  const {f, s, list = false} = RULES[row];
  return {row, f, s, list, k, ins, xs: ins.map(() => 0), a: ins[0], b: ins[ins.length - 1]};
}
const ORDERS = {
  lt: (x, y) => x < y, le: (x, y) => x <= y, gt: (x, y) => x > y,
  ge: (x, y) => x >= y, eq: (x, y) => x === y, ne: (x, y) => x !== y,
};
// Fills in the results from the leaves; the place of the first look that goes otherwise, or -1.
function compute(graph, data) {
  run(operations(graph), data);
  return graph.looks.findIndex(([how, x, y, was]) => ORDERS[how](data[x], data[y]) !== was);
}
function apply(o, data) {
  const {xs, ins} = read(o, data);
  return o.list ? o.f(xs) : o.f(...xs);
}
function read(o, data) {
  for (let i = 0; i < o.ins.length; i++) o.xs[i] = data[o.ins[i]];
  return o;
}
// The share of g for each input; null for a plain number, and where the row withholds it.
function handBack(graph, o, data, g) {
  const {s, xs, ins} = read(o, data), out = data[o.k];
  const shares = o.list ? s[0](g, out, xs) : s.map(f => f(g, out, ...xs));
  for (let i = 0; i < ins.length; i++) if (ins[i] >= graph.nodes) shares[i] = null;
  return shares;
}
// Walks back, the youngest first, as Python does: each slot, its gradient, the shares of its inputs,
// and their gradients before and after these.
function* sweep(graph, data, seed = 1) {
  const gathered = new Float64Array(graph.slots.length), reached = new Uint8Array(graph.slots.length);
  const at = graph.at ??= new Map(operations(graph).map(o => [o.k, o]));
  gathered[graph.root] = seed;
  reached[graph.root] = 1;
  for (let k = graph.root; k >= 0; k--) {
    if (!reached[k]) continue;
    const o = at.get(k), shares = o ? handBack(graph, o, data, gathered[k]) : [], before = [], after = [];
    shares.forEach((share, i) => {
      if (share === null) return;
      const x = o.ins[i];
      before[i] = gathered[x];
      gathered[x] = after[i] = reached[x] ? gathered[x] + share : share;
      reached[x] = 1;
    });
    yield {k, g: gathered[k], shares, before, after};
  }
}
