/**
 * What was measured, as a picture: one line a row, one dot a contender, on a logarithmic scale.
 *
 * @module
 */

import { figure, valueOf } from "./report.ts";
import { type Contender, CONTENDERS, type Measured } from "./workload.ts";

/** Colours that are told apart on white and on black, also by those who see few. */
const COLOURS: Record<Contender, string> = {
  psbase: "#d9480f",
  "SQLite FULL": "#1c7ed6",
  "SQLite NORMAL": "#74c0fc",
  "Deno KV": "#2f9e44",
  "JSON file": "#ae8a1e",
  nothing: "#868e96",
};

/** Where things are, in pixels. */
const [WIDTH, TEXT, RIGHT, ROW, TOP] = [900, 390, 60, 24, 64];

/** An SVG of these lines, all of one unit; the dots are medians, the tick is the goal. */
export function chart(title: string, lines: readonly Measured[]): string {
  const contenders = (Object.keys(CONTENDERS) as Contender[]).filter((contender) =>
    lines.some((line) => line.turns[contender])
  );
  const values = lines.flatMap((line) => contenders.map((one) => valueOf(line, one) ?? 1));
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.ceil(Math.log10(Math.max(...values)));
  const x = (value: number) =>
    Math.round(TEXT + (Math.log10(value) - least) / (most - least) * (WIDTH - TEXT - RIGHT));
  const height = TOP + lines.length * ROW + 30;
  const bottom = height - 24;
  const grid = Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i)).map((value) =>
    `<line class="grid" x1="${x(value)}" y1="${TOP - 6}" x2="${x(value)}" y2="${bottom}"/>` +
    text(x(value), bottom + 16, `${axis(value)} ms`, "mid")
  );
  const legend = contenders.map((one, i) => {
    const left = TEXT + i * 104 - (contenders.length > 4 ? 110 : 0);
    return dot(left, 38, one) + text(left + 10, 42, one);
  });
  const rows = lines.map((line, i) => {
    const y = TOP + i * ROW + ROW / 2;
    const goal = line.goal && "most" in line.goal ? x(line.goal.most) : undefined;
    return [
      text(TEXT - 14, y + 4, escaped(line.title), "end"),
      `<line class="row" x1="${TEXT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/>`,
      goal === undefined ? "" : `<path class="goal" d="M${goal} ${y - 9}v18"/>`,
      // psbase last: on top.
      ...contenders.toReversed().map((one) => {
        const value = valueOf(line, one);
        return value === undefined ? "" : dot(x(value), y, one, `${one}: ${figure(value)} ms`);
      }),
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
${[...legend, ...grid, ...rows].join("\n")}
</svg>
`;
}

function text(x: number, y: number, what: string, kind = ""): string {
  return `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}>${what}</text>`;
}

function dot(x: number, y: number, contender: Contender, title = ""): string {
  const r = contender === "psbase" ? 6 : 4.5;
  return `<circle cx="${x}" cy="${y}" r="${r}" fill="${COLOURS[contender]}">${
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
