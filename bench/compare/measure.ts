/**
 * Measuring by turns, and printing as Markdown.
 *
 * @module
 */
// deno-lint-ignore-file no-console

/** How often everything is measured. */
export const TIMES = 3;

/** Milliseconds by name. */
export type Figures = Record<string, number>;
/** Measures once, in a directory of its own; figures in milliseconds by name. */
export type Measure = (dir: string) => Promise<Figures> | Figures;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Measures all by turns; the medians, by the name of the measure. */
export async function byTurns(measures: Record<string, Measure>): Promise<Record<string, Figures>> {
  const all: Record<string, Figures[]> = {};
  for (let i = 0; i < TIMES; i++) {
    for (const [name, measure] of Object.entries(measures)) {
      const dir = await Deno.makeTempDir({ prefix: "psbase_bench_" });
      try {
        (all[name] ??= []).push(await measure(dir));
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    }
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, figures]) => [
      name,
      Object.fromEntries(
        Object.keys(figures[0]!).map((key) => [key, median(figures.map((one) => one[key]!))]),
      ),
    ]),
  );
}

/** How long it takes, in milliseconds. */
export async function timed(fn: () => unknown): Promise<number> {
  const start = performance.now();
  await fn();
  return performance.now() - start;
}

/** A row of a table. */
export function row(cells: string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

/** A heading, and that of a table. */
export function heading(title: string, columns: string[]): void {
  console.log(`\n## ${title}\n`);
  row(columns);
  row(columns.map((_, i) => i === 0 ? "---" : "--:"));
}

/** Milliseconds, as long as they are small with a fraction. */
export function ms(value: number): string {
  return value < 10 ? value.toFixed(3) : value.toFixed(0);
}

/** One line a figure: psbase, SQLite, and how many times as long psbase takes. */
export async function compare(title: string, measures: { psbase: Measure; sqlite: Measure }) {
  const { psbase, sqlite } = await byTurns(measures);
  heading(title, ["", "psbase ms", "SQLite ms", "psbase / SQLite"]);
  for (const [name, value] of Object.entries(psbase!)) {
    row([name, ms(value), ms(sqlite![name]!), (value / sqlite![name]!).toFixed(2)]);
  }
}
