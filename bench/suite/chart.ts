/**
 * What was measured, as a picture: one line a row, one dot a contender, on a logarithmic scale.
 *
 * @module
 */

import { figure } from "./markdown.ts";
import { contendersOf, valueOf } from "./report.ts";
import type { Contender, Measured } from "./workload.ts";

/** Colours that are told apart on white and on black, also by those who see few. */
const COLOURS: Record<Contender, string> = {
  psbase: "#d9480f",
  "psbase await": "#f76707",
  "psbase sources": "#ffa94d",
  "SQLite FULL": "#1c7ed6",
  "SQLite NORMAL": "#74c0fc",
  LMDB: "#0ca678",
  DuckDB: "#f59f00",
  "Deno KV": "#2f9e44",
  "JSON file": "#ae8a1e",
  sqlite3: "#1864ab",
  nothing: "#868e96",
};

/** Where things are, in pixels. */
const [WIDTH, TEXT, RIGHT, ROW, TOP] = [900, 390, 60, 24, 64];

/** The times of a group, as durable as they can be; what is measured at several sizes together. */
function timesOf(group: string, all: readonly Measured[]): Measured[][] {
  const lines = all.filter(({ group: own, unit, durability }) =>
    own.startsWith(group) && unit !== "KiB" && unit !== "MiB" && durability === undefined
  );
  return [...Map.groupBy(lines, ({ title, rows }) => rows ? title : Symbol()).values()];
}

/** The median, in milliseconds. */
function msOf(line: Measured, contender: Contender): number | undefined {
  const value = valueOf(line, contender);
  return value && value / (line.unit === "µs" ? 1000 : 1);
}

/** An SVG of the times of a group. */
export function chart(group: string, all: readonly Measured[]): string {
  const rows = timesOf(group, all);
  const lines = rows.flat();
  const sizes = rows[0]!.length > 1 ? rows[0]!.map((line) => line.rows!.toLocaleString("en")) : [];
  const key = sizes.length > 0 ? `small to large: ${sizes.join(", ")} rows` : "tick: the goal";
  const title = `${lines[0]!.group}: medians, logarithmic; ${key}`;
  const contenders = contendersOf(lines);
  const values = lines.flatMap((line) => [
    ...contenders.flatMap((one) => msOf(line, one) ?? []),
    ...(line.goal && "most" in line.goal ? [line.goal.most] : []),
  ]);
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.ceil(Math.log10(Math.max(...values)));
  const x = (value: number) =>
    Math.round(TEXT + (Math.log10(value) - least) / (most - least) * (WIDTH - TEXT - RIGHT));
  const height = TOP + rows.length * ROW + 30;
  const bottom = height - 24;
  const grid = Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i)).map((value) =>
    `<line class="grid" x1="${x(value)}" y1="${TOP - 6}" x2="${x(value)}" y2="${bottom}"/>` +
    text(x(value), bottom + 16, `${axis(value)} ms`, "mid")
  );
  const legend = contenders.map((one, i) =>
    dot({ x: 20 + i * 126, y: 40, r: radius(one) }, one) + text(32 + i * 126, 44, one)
  );
  const drawn = rows.map((lines, i) => {
    const y = TOP + i * ROW + ROW / 2;
    const goals = lines.map(({ goal }) => goal && "most" in goal ? x(goal.most) : undefined);
    return [
      text(TEXT - 14, y + 4, escaped(lines[0]!.title), "end"),
      `<line class="row" x1="${TEXT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/>`,
      ...goals.map((at) => at === undefined ? "" : `<path class="goal" d="M${at} ${y - 9}v18"/>`),
      // psbase last: on top.
      ...contenders.toReversed().flatMap((one) =>
        lines.map((line, size) => {
          const value = msOf(line, one);
          if (value === undefined) return "";
          const shift = lines.length === 1 ? 0 : one === "psbase" ? -5 : 5;
          const r = lines.length === 1 ? radius(one) : 2 + 1.5 * size;
          return dot({ x: x(value), y: y + shift, r }, one, `${one}: ${figure(value)} ms`);
        })
      ),
    ].join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" \
height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #444c56 }
.head { font-size: 15px; font-weight: 600 }
.end { text-anchor: end } .mid { text-anchor: middle }
.grid { stroke: #8b949e; stroke-opacity: .35 } .row { stroke: #8b949e; stroke-opacity: .18 }
.goal { stroke: #d9480f; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } }
</style>
${text(14, 22, escaped(title), "head")}
${[...legend, ...grid, ...drawn].join("\n")}
</svg>
`;
}

function text(x: number, y: number, what: string, kind = ""): string {
  return `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}>${what}</text>`;
}

function radius(contender: Contender): number {
  return contender === "psbase" ? 6 : 4.5;
}

function dot(at: { x: number; y: number; r: number }, contender: Contender, title = ""): string {
  return `<circle cx="${at.x}" cy="${at.y}" r="${at.r}" fill="${COLOURS[contender]}">${
    title && `<title>${title}</title>`
  }</circle>`;
}

function axis(value: number): string {
  return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1)));
}

function escaped(text: string): string {
  return text.replaceAll("`", "").replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
