// The layout of the page's files: which part may use which, and how wide lines are. That no files
// import each other in a circle, the linter sees to.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../client/web/", import.meta.url));
/** Each uses only those before it, and itself. */
const LAYERS = ["vendor", "lib", "state", "components", "views"];
const WIDTH = 100;

function scriptsIn(folder) {
  return readdirSync(join(WEB, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "vendor" ? [] : scriptsIn(path);
    return path.endsWith(".js") ? [path] : [];
  });
}

const FILES = scriptsIn(".").map((path) => ({ path, text: readFileSync(join(WEB, path), "utf8") }));
const layerOf = (path) => LAYERS.indexOf(path.split("/")[0]);

/** The files that a file imports, from the page's folder. */
function importsOf({ path, text }) {
  const named = text.matchAll(/(?:from|import\() ?"(\.[^"]+)"|^import "(\.[^"]+)"/gmu);
  return Array.from(named, ([, one, other]) => normalize(join(dirname(path), one ?? other)));
}

test("a part uses only those below it", () => {
  assert.ok(FILES.length > 40);
  for (const file of FILES.filter(({ path }) => path !== "app.js")) {
    const layer = layerOf(file.path);
    assert.ok(layer > 0, `${file.path} is in no part of the page`);
    for (const used of importsOf(file)) {
      const isBelow = layerOf(used) >= 0 && layerOf(used) <= layer;
      assert.ok(isBelow, `${file.path} uses ${used}`);
    }
  }
});

test("what events change is computed without the node, the page, and signals", () => {
  const pure = /^(state\/(events|timeline)|lib\/collections)\.js$/u;
  const reducers = FILES.filter(({ path }) => pure.test(path));
  assert.equal(reducers.length, 3);
  for (const file of reducers) {
    for (const used of importsOf(file)) assert.match(used, pure, `${file.path} uses ${used}`);
    assert.doesNotMatch(file.text, /\b(document|window|navigator|fetch|localStorage)\b[.(]/u);
  }
});

test("every file begins with what it is for, and no line is too wide", () => {
  for (const { path, text } of FILES) {
    assert.match(text, /^\/\/ [A-Z]/u, `${path} does not say what it is for`);
    for (const [index, line] of text.split("\n").entries()) {
      assert.ok([...line].length <= WIDTH, `${path}:${index + 1} is wider than ${WIDTH}`);
    }
  }
});
