/**
 * Tables as Markdown.
 *
 * @module
 */

/** A row of a table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A heading, and that of a table. */
export function heading(title: string, columns: readonly string[]): string {
  const lines = columns.map((_, i) => i === 0 ? "---" : "--:");
  return `\n## ${title}\n\n${row(columns)}\n${row(lines)}`;
}

/** Three digits, or all before the point. */
export function figure(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

/** Writes lines to stdout. */
export function print(text: string): void {
  // deno-lint-ignore no-console
  console.log(text);
}
