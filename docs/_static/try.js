// The cells of a lesson, run by Pyodide in the reader's own browser: no kernel, no server.
const here = new URL(".", import.meta.url);
const said = document.getElementById("try-status");
const cells = JSON.parse(document.getElementById("try-cells").textContent);

const RUNNER = `
import ast, contextlib, io, traceback
names = {"__name__": "__main__"}
def run(source):
    "What a cell printed, and what its last expression shows, as (text, page, error)."
    said, page = io.StringIO(), ""
    with contextlib.redirect_stdout(said):
        try:
            body = ast.parse(source).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
                show = getattr(value, "_repr_mimebundle_", dict)()
                page = show.get("text/html", "")
                if value is not None and not page:
                    print(show.get("text/plain", repr(value)))
        except Exception:
            return said.getvalue(), page, traceback.format_exc(limit=-1)
    return said.getvalue(), page, ""
run
`;

let loading;
function python() {
  loading ??= (async () => {
    said.textContent = "Loading Python (14 MB, once) …";
    const { loadPyodide } = await import(new URL("pyodide/pyodide.mjs", here));
    const pyodide = await loadPyodide({ indexURL: new URL("pyodide/", here).href });
    const wheel = await (await fetch(new URL("valuegrad.whl", here))).arrayBuffer();
    const site = pyodide.runPython("import sysconfig; sysconfig.get_paths()['purelib']");
    pyodide.unpackArchive(wheel, "whl", { extractDir: site });
    const run = pyodide.runPython(RUNNER);
    said.textContent = "Python is ready.";
    return (source) => { const found = run(source); const js = found.toJs(); found.destroy(); return js; };
  })();
  return loading;
}

function put(place, text, kind) {
  if (!text) return;
  const pre = document.createElement("pre");
  pre.className = kind;
  pre.textContent = text;
  place.append(pre);
}

async function runCell(cell) {
  const button = cell.querySelector("button");
  const output = cell.querySelector(".try-output");
  button.disabled = true;
  try {
    const run = await python();
    const [text, page, error] = run(cell.querySelector("textarea").value);
    output.replaceChildren();
    put(output, text, "text");
    if (page) {
      const div = document.createElement("div");
      div.innerHTML = page;
      output.append(div);
      for (const old of div.querySelectorAll("script")) { // innerHTML runs none
        const script = document.createElement("script");
        for (const { name, value } of old.attributes) script.setAttribute(name, value);
        script.textContent = old.textContent;
        old.replaceWith(script);
      }
    }
    put(output, error, "error");
  } catch (error) {
    said.textContent = `Python could not be loaded: ${error.message}`;
  }
  button.disabled = false;
}

const list = document.getElementById("try");
for (const { title, source } of cells) {
  const cell = document.createElement("div");
  cell.className = "try-cell";
  if (title) {
    const heading = document.createElement("h2");
    heading.textContent = title;
    cell.append(heading);
  }
  const area = document.createElement("textarea");
  area.value = source;
  area.rows = source.split("\n").length + 1;
  area.spellcheck = false;
  area.setAttribute("aria-label", "Python code");
  const button = document.createElement("button");
  button.textContent = "Run";
  button.onclick = () => runCell(cell);
  area.onkeydown = (event) => {
    if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); runCell(cell); }
  };
  const output = document.createElement("div");
  output.className = "try-output";
  cell.append(area, button, output);
  list.append(cell);
}
const all = document.getElementById("try-all");
all.onclick = async () => {
  all.disabled = true;
  for (const cell of list.children) await runCell(cell);
  all.disabled = false;
};
all.disabled = false;
said.textContent = "Nothing is loaded until you press Run.";
