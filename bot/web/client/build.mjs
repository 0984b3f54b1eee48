// Bundles the page into ../static: `make page`. Names of files hold the hash of their content, as they are cached for good.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { build, version } from "esbuild";

const HERE = import.meta.dirname;
const OUT = join(HERE, "../static");
const ENTRIES = ["app.js", "app.css", "docs.css"];
const AS_THEY_ARE = ["icon.svg"];
const TARGET = ["chrome111", "firefox115", "safari16.4"]; // the oldest with color-mix, :has or a way without it, dialog

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** Every source by its path: whatever goes into the bundle, this file and the locked esbuild too. */
function sources() {
  const all = readdirSync(HERE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return all
    .map((entry) => relative(HERE, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.startsWith("node_modules/"))
    .sort();
}

/** A digest of all sources; tests/bot/web/page/test_bundle.py computes the same without Node. */
const digest = () =>
  sha256(
    sources()
      .map((path) => `${path} ${sha256(readFileSync(join(HERE, path)))}\n`)
      .join(""),
  );

const bundled = await build({
  entryPoints: ENTRIES.map((name) => join(HERE, name)),
  bundle: true,
  minify: true,
  format: "iife",
  charset: "utf8",
  target: TARGET,
  outdir: OUT,
  write: false,
  legalComments: "none",
});
const files = new Map(bundled.outputFiles.map((file) => [relative(OUT, file.path), file.contents]));
for (const name of AS_THEY_ARE) files.set(name, readFileSync(join(HERE, name)));

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);
const names = {};
for (const [name, content] of [...files].sort()) {
  const [stem, suffix] = [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf("."))];
  names[name] = `${stem}-${sha256(content).slice(0, 10)}${suffix}`;
  writeFileSync(join(OUT, names[name]), content);
}
writeFileSync(join(OUT, "index.html"), readFileSync(join(HERE, "index.html")));
const manifest = { files: names, sources: digest(), esbuild: version };
writeFileSync(join(OUT, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
