/**
 * Makes the page of `psbase serve`: bundles and minifies `page/` to `server/page_files.ts`.
 *
 * @module
 */

import * as esbuild from "esbuild";

const ROOT = new URL("../", import.meta.url);
const SOURCES = new URL("page/", ROOT);

/** Where the page is written. */
export const PAGE_FILES = new URL("server/page_files.ts", ROOT);

/** The libraries of the page. */
const LIBRARIES = ["preact", "preact/hooks", "htm"];

const libraries: esbuild.Plugin = {
  name: "libraries",
  setup(build) {
    // esbuild does not know where Deno keeps them.
    build.onResolve({ filter: /^(?:preact|htm)/ }, ({ path }) => {
      return { path: decodeURIComponent(new URL(import.meta.resolve(path)).pathname) };
    });
  },
};

/**
 * Takes the indentation of templates away: nothing else in a minified bundle begins a line with
 * spaces. Between elements, the line ends mean nothing either.
 */
function unindented(code: string): string {
  return code.replaceAll(/([>`}]?)\n +(?=(.))/g, (_, before, next) => {
    return before === ">" || next === "<" || next === "`" ? before : `${before}\n`;
  });
}

/** The files of the page, by name. */
export async function pageFiles(): Promise<Record<string, { type: string; text: string }>> {
  // Deno loads them here. A plain import would bring the types of browsers into every test.
  for (const name of LIBRARIES) await import(name);
  const bundled = async (name: string): Promise<string> => {
    const { outputFiles } = await esbuild.build({
      entryPoints: [decodeURIComponent(new URL(name, SOURCES).pathname)],
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      target: "es2022",
      charset: "utf8",
      legalComments: "none",
      plugins: [libraries],
      logLevel: "error",
    });
    return unindented(outputFiles[0]!.text);
  };
  try {
    const html = Deno.readTextFileSync(new URL("index.html", SOURCES));
    return {
      "index.html": { type: "text/html; charset=utf-8", text: html.replaceAll(/\n\s*/g, "\n") },
      "app.js": { type: "text/javascript; charset=utf-8", text: await bundled("main.ts") },
      "app.css": { type: "text/css; charset=utf-8", text: await bundled("style.css") },
    };
  } finally {
    await esbuild.stop();
  }
}

/** The module that holds the files. */
export async function pageModule(): Promise<string> {
  const entries = [];
  for (const [name, { type, text }] of Object.entries(await pageFiles())) {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const tag = new Uint8Array(hash).toHex().slice(0, 16);
    entries.push(`  ${JSON.stringify(name)}: {
    type: ${JSON.stringify(type)},
    tag: ${JSON.stringify(`"${tag}"`)},
    text: ${JSON.stringify(text)},
  },
`);
  }
  return `// deno-fmt-ignore-file
// Made by tools/page.ts; do not edit.

/** The files of the page. */
export const PAGE_FILES: Readonly<
  Record<string, { readonly type: string; readonly tag: string; readonly text: string }>
> = {
${entries.join("")}};
`;
}

if (import.meta.main) Deno.writeTextFileSync(PAGE_FILES, await pageModule());
