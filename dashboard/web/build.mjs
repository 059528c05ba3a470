// Builds the page into ../static: the same sources give the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";

const out = process.argv[2] ?? new URL("../static/", import.meta.url).pathname;
await mkdir(out, { recursive: true });
await build({
  entryPoints: ["src/main.ts", "src/page.css"],
  outdir: out,
  entryNames: "page",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome120", "firefox121", "safari17.2"],
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
});
await copyFile("src/index.html", `${out}/index.html`);
await copyFile("src/icon.svg", `${out}/icon.svg`);
const size = ["page.js", "page.css"].reduce((sum, name) => sum + gzipSync(readFileSync(`${out}/${name}`)).length, 0);
console.log(`scripts and styles: ${(size / 1000).toFixed(1)} kB gzipped`);
