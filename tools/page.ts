/**
 * Bundles the page into `server/page_files.ts`, so that the server needs no file beside it.
 *
 * @module
 */

import * as esbuild from "esbuild";

const ROOT = new URL("../", import.meta.url);

/** Where the bundle goes. */
export const PAGE_FILES: URL = new URL("server/page_files.ts", ROOT);

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/** Bundles the page; gives its files by name. */
export async function bundlePage(): Promise<Record<string, PageFile>> {
  try {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: decodeURIComponent(ROOT.pathname),
      entryPoints: { app: "page/main.tsx" },
      bundle: true,
      format: "esm",
      target: "es2022",
      jsx: "automatic",
      jsxImportSource: "preact",
      minify: true,
      charset: "utf8",
      legalComments: "none",
      write: false,
      outdir: "out",
      logLevel: "error",
      plugins: [{
        name: "npm",
        // Deno knows where its packages are.
        setup: ({ onResolve }) =>
          onResolve({ filter: /^preact/ }, ({ path }) => ({
            path: decodeURIComponent(new URL(import.meta.resolve(path)).pathname),
          })),
      }],
    });
    const css = await esbuild.transform(
      await Deno.readTextFile(new URL("page/style.css", ROOT)),
      { loader: "css", minify: true },
    );
    return {
      "index.html": {
        type: "text/html; charset=utf-8",
        text: await Deno.readTextFile(new URL("page/index.html", ROOT)),
      },
      "app.js": { type: "text/javascript; charset=utf-8", text: outputFiles[0]!.text },
      "app.css": { type: "text/css; charset=utf-8", text: css.code },
    };
  } finally {
    await esbuild.stop();
  }
}

/** The module that holds the files. */
export async function pageModule(): Promise<string> {
  const files = await bundlePage();
  const entries = await Promise.all(
    Object.entries(files).map(async ([name, { type, text }]) => {
      const bytes = new TextEncoder().encode(text);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      const members = { type, tag: `"${hash.slice(0, 16)}"`, text };
      return `  ${JSON.stringify(name)}: ${JSON.stringify(members)},\n`;
    }),
  );
  return `// Made by tools/page.ts of the files in page/; do not edit.
// deno-fmt-ignore-file

/** A file of the page. */
export interface PageFile {
  /** Its media type. */
  readonly type: string;
  /** Its ETag. */
  readonly tag: string;
  /** Its content. */
  readonly text: string;
}

/** The files of the page by name. */
export const PAGE_FILES: Readonly<Record<string, PageFile>> = {
${entries.join("")}};
`;
}

if (import.meta.main) await Deno.writeTextFile(PAGE_FILES, await pageModule());
