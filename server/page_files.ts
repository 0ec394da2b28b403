// Made by tools/page.ts; do not edit.

/** The files of the page. */
export const PAGE_FILES: Readonly<
  Record<string, { readonly type: string; readonly tag: string; readonly text: string }>
> = {
  "index.html": {
    type: "text/html; charset=utf-8",
    tag: '"0"',
    text: "<!doctype html><title>psbase</title>",
  },
};
