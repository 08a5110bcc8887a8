// ---- the elements of a page that plays, and its data
const $ = id => document.getElementById(id), D = JSON.parse($("data").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
function made(e, attributes, children) {
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);  // a text is a text, whatever is in it
  return e;
}
function el(tag, attributes, ...children) { return made(document.createElement(tag), attributes, children); }
function sv(tag, attributes, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// ---- going from step to step: a page defines `goto` and `announce`
let at = 0, timer = 0;
// The bar, at a step of so many.
function placed(last, text) {
  const scrub = $("scrub");
  scrub.max = last;
  scrub.value = at;
  scrub.setAttribute("aria-valuetext", text);
  if ($("count").textContent !== text) $("count").textContent = text;
  $("first").disabled = $("prev").disabled = at === 0;
  $("next").disabled = $("last").disabled = at === last;
  if (at === last) pause();
}
function pause() {
  clearTimeout(timer);
  timer = 0;
  $("play").textContent = say("play");
}
function play() {
  if (timer) { pause(); announce(); return; }
  if (at === +$("scrub").max) goto(0);
  $("play").textContent = say("pause");
  const tick = () => { timer = setTimeout(tick, +$("speed").value); goto(at + 1); };
  timer = setTimeout(tick, 60);
}
const stop = f => () => { pause(); f(); };
$("play").onclick = play;
$("first").onclick = stop(() => goto(0));
$("prev").onclick = stop(() => goto(at - 1));
$("next").onclick = stop(() => goto(at + 1));
$("last").onclick = stop(() => goto(Infinity));
$("scrub").oninput = stop(() => goto(+$("scrub").value));
const keys = {ArrowLeft: "prev", ArrowRight: "next", Home: "first", End: "last", " ": "play"};
document.addEventListener("keydown", e => {
  const own = e.target.closest("select,input,textarea") || (e.key === " " && e.target.closest("button"));
  if (e.defaultPrevented || !(e.key in keys) || own || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault();
  if (!$(keys[e.key]).disabled) $(keys[e.key]).click();
});
