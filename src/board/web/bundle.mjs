/*
 * Bundles the page by esbuild: one entry, heavier parts split off, names that carry their content's hash.
 * Writes what the server embeds: OUT/<files>.gz and OUT/manifest.txt, a line a URL:
 *   URL path <TAB> file <TAB> content type <TAB> immutable | no-cache
 * usage: node bundle.mjs FOLDER-OF-node_modules OUT
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const [packages, out] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(`${packages}/`)("esbuild");

const TYPES = {
    html: "text/html; charset=utf-8",
    js: "text/javascript; charset=utf-8",
    css: "text/css; charset=utf-8",
    svg: "image/svg+xml",
    json: "application/json",
    txt: "text/plain; charset=utf-8",
};

const built = await esbuild.build({
    entryPoints: { page: join(here, "main.js"), style: join(here, "styles/style.css") },
    nodePaths: [join(packages, "node_modules")],
    outdir: "/assets",
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    metafile: true,
    write: false,
    target: ["chrome123", "firefox121", "safari17.5"],
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    assetNames: "[name]-[hash]",
    legalComments: "none",
    logLevel: "warning",
});

const files = built.outputFiles.map((file) => ({
    url: `/assets/${basename(file.path)}`,
    bytes: file.contents,
    cache: "immutable",
}));
const urlOf = (start) =>
    files.find((file) => file.url.startsWith(`/assets/${start}-`) && !file.url.endsWith(".map")).url;
const script = urlOf("page");

/* What the entry imports at once, so that the browser asks for it together with the entry. */
function eager(path, found = new Set()) {
    for (const { path: next, kind } of built.metafile.outputs[path].imports)
        if (kind === "import-statement" && !found.has(next)) eager(next, found.add(next));
    return found;
}

const outputs = Object.keys(built.metafile.outputs);
const entry = outputs.find((path) => basename(path) === basename(script));
const preloads = [...eager(entry)].sort().map((path) => `<link rel="modulepreload" href="/assets/${basename(path)}">`);
const html = readFileSync(join(here, "index.html"), "utf8")
    .replace("{{style}}", urlOf("style"))
    .replace("{{script}}", script)
    .replace("{{preloads}}", preloads.join(""));
files.push({ url: "/", bytes: Buffer.from(html), cache: "no-cache", name: "index.html" });
files.push({ url: "/index.html", bytes: Buffer.from(html), cache: "no-cache", name: "index.html" });
files.push({ url: "/assets/icon.svg", bytes: readFileSync(join(here, "icon.svg")), cache: "no-cache" });
files.push({ url: "/assets/licences.txt", bytes: Buffer.from(licences()), cache: "no-cache" });

/* The licences of what is in the bundle: they ask to go along with it. */
function licences() {
    const used = new Set(
        Object.keys(built.metafile.inputs).flatMap(
            (path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? [],
        ),
    );
    return [...used]
        .sort()
        .map((name) => {
            const at = join(packages, "node_modules", name);
            return `${name} ${JSON.parse(readFileSync(join(at, "package.json"), "utf8")).version}\n\n${readFileSync(join(at, "LICENSE"), "utf8").trim()}\n`;
        })
        .join(`\n${"-".repeat(80)}\n\n`);
}

const staged = `${out}.new`;
rmSync(staged, { recursive: true, force: true });
mkdirSync(staged, { recursive: true });
const lines = files.map((file) => {
    const name = `${file.name ?? basename(file.url)}.gz`;
    writeFileSync(join(staged, name), gzipSync(file.bytes, { level: 9 }));
    return [file.url, name, TYPES[basename(name, ".gz").split(".").pop()], file.cache].join("\t");
});
writeFileSync(join(staged, "manifest.txt"), `${lines.sort().join("\n")}\n`);
rmSync(out, { recursive: true, force: true });
renameSync(staged, out);
