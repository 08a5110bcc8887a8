// ---- the words of a page: those of `words.json`, in the language given, or else the browser's
const WORDS = @@words.json@@;
const tongue = document.documentElement.lang || (/^ko\b/i.test(navigator.language) ? "ko" : "en");
document.documentElement.lang = tongue;
// The words of that key; {0} is a value, and {0|step|steps} depends on whether that is 1.
function say(key, ...values) {
  const said = WORDS[key]?.[tongue === "ko" ? 1 : 0] || key;
  return said.replace(/\{(\d)(?:\|([^|}]*)\|([^|}]*))?\}/g,
    (_, i, one, many) => one === undefined ? values[i] : values[i] === 1 ? one : many);
}
for (const e of document.querySelectorAll("[data-say]")) e.textContent = say(e.dataset.say);
for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", say(e.dataset.label));
