// The engine's tests under Pyodide, in Node: the pure wheel works where there is no compiler at all.
//
//     python .ci/wheels.py --pure dist
//     pip download --no-deps -d dist --only-binary=:all: --platform any --implementation py --abi none \
//         pytest pluggy iniconfig packaging pygments hypothesis sortedcontainers mpmath
//     npm install pyodide
//     node .ci/pyodide.mjs dist
//
// Everything is unpacked into Pyodide's own file system: nothing is fetched. There are no threads and
// no processes there, and NumPy is left out: these are the tests that need none of them.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const TESTS = ["engine", "graph", "edges", "random_graphs", "emit"];
const HELPERS = ["browsing.py", "conftest.py", "truth.py"];
const NEEDS_MORE = [
  "thread", "stack", "deep_chain", "lock_of_the_commit", "both_walks_together", // threads
  "pickle_of_either", "imported_afresh", "asked_for", "demanded", "of_another", "compiles", "cannot_load", // processes
  "tensor", "crosses", "all_kinds", // NumPy
  "freed", // Python's own count of its memory
].join(" or ");

const bytes = (path) => new Uint8Array(readFileSync(path));
const root = resolve(import.meta.dirname, "..");
const wheels = resolve(process.argv[2] ?? "dist");
const found = createRequire(join(process.cwd(), "package.json")).resolve("pyodide");
const { loadPyodide } = await import(pathToFileURL(join(found, "..", "pyodide.mjs")));
const pyodide = await loadPyodide();

const site = pyodide.runPython("import sysconfig; sysconfig.get_paths()['purelib']");
for (const name of readdirSync(wheels).filter((name) => name.endsWith("-none-any.whl"))) {
  pyodide.unpackArchive(bytes(join(wheels, name)), "whl", { extractDir: site });
}
pyodide.FS.mkdirTree("/work/tests");
for (const name of [...HELPERS, ...TESTS.map((test) => `test_${test}.py`)]) {
  pyodide.FS.writeFile(`/work/tests/${name}`, bytes(join(root, "tests", name)));
}
pyodide.FS.writeFile("/work/pyproject.toml", bytes(join(root, "pyproject.toml"))); // pytest's settings
pyodide.globals.set("unable", NEEDS_MORE);
const run = `
import os, sys
os.chdir("/work")
sys.path.insert(0, "/work/tests")
import pytest
code = int(pytest.main(["-p", "no:cacheprovider", "-k", f"not ({unable})", "tests"]))
import autograd
assert autograd.engine() == "pure" and "site-packages" in autograd.__file__, autograd.__file__
code
`;
try {
  process.exit(pyodide.runPython(run));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
