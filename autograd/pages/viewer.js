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
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input,select,textarea")) return false;
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
