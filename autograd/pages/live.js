// ---- a page that lives: all its numbers follow from those of the leaves
const LIVE = D.live && living(D.live);
function living(graph) {
  const data = numbers(graph), recorded = data.slice();
  const leaves = graph.slots.flatMap(([row], k) => row || k >= graph.nodes ? [] : [k]);
  const isLeaf = new Set(leaves), seed = Number(graph.seed);
  const life = {graph, data, recorded, leaves, isLeaf, flipped: -1, quiet: false, walk: [], evaluate, refill};

  // What every slot holds, and what the walk hands on, with the sums before and after.
  function evaluate() {
    life.flipped = compute(graph, data);
    life.walk = [];
    const ways = [];
    for (const step of sweep(graph, data, seed)) {
      life.walk[step.k] = step;
      step.shares.forEach((share, i) => { if (share !== null) ways.push(step.k, i); });
    }
    life.ways ??= ways;  // as recorded: the steps are of shares that were handed on then
    if (life.flipped < 0 && ways.join() !== life.ways.join()) life.flipped = graph.looks.length;
  }
  // The numbers of a view, where the rest of the page reads them.
  function refill(v) {
    const {boxes, steps} = D.views[v], known = life.flipped < 0;
    for (const b of boxes) if (b.s !== null) b.d = known || isLeaf.has(b.s) ? plain(data[b.s]) : null;
    for (const s of steps) if (s.p) {
      const slot = boxes[s.b].s, own = known && s.s.includes(slot) ? life.walk[slot].g : null;
      s.g = own !== null ? plain(own) : null;
      const single = life.walk[s.s[0]], sums = known && s.r.length && s.r[0][9] === null ? gathered(s) : null;
      for (const r of s.r) {
        const [x, operand] = r.slice(8);
        const told = !known ? [null, null, null, null] : sums ? sums.get(x) :
          [slope(single, operand), single.shares[operand], single.before[operand], single.after[operand]];
        r.splice(4, 4, ...told.map(plain));
      }
    }
  }
  function slope(w, operand) {
    w.slopes ??= handBack(graph, graph.at.get(w.k), data, 1);
    return w.slopes[operand] ?? 0;
  }
  // What the values of a group hand to each input outside it.
  function gathered({r, s}) {
    const sums = new Map(r.map(share => [share[8], [null, 0, null, null]]));
    for (const w of s.map(k => life.walk[k])) w.shares.forEach((share, i) => {
      const sum = share === null ? undefined : sums.get(graph.slots[w.k][1][i]);
      if (!sum) return;
      sum[1] += share;
      sum[2] ??= w.before[i];
      sum[3] = w.after[i];
    });
    return sums;
  }
  evaluate();
  return life;
}
// For the page's texts: nan and the infinities as Python has them.
function plain(x) {
  return x === null || Number.isFinite(x) ? x : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
// An operation in the words that `tell` finds for a slot; a text is a plain number.
function inWords([template, ...operands], tell) {
  return template.replace(/[\ue000-\ue0ff]/g, (c, place) => {
    const x = operands[c.charCodeAt() - 0xe000], [told, whole] = typeof x === "number" ? tell(x) : [x, !x.startsWith("-")];
    const alone = ["", "("].includes(template.slice(0, place).slice(-1)) && ["", ")"].includes(template[place + 1] ?? "");
    return alone || whole ? told : "(" + told + ")";
  });
}
const called = k => LIVE.graph.names[k], byNames = b => inWords(b.q, k => [called(k), atom(called(k)) === called(k)]);
// An equation: c = a * b = 2.0 * (-3.0) = -6.0
function equated(b) {
  const numeric = inWords(b.q, k => {
    const told = number(LIVE.flipped < 0 || LIVE.isLeaf.has(k) ? plain(LIVE.data[k]) : null);
    return [told, !told.startsWith("-")];
  });
  return [...new Set([b.n, byNames(b), numeric])].join(" = ") + " = " + number(b.d);
}
