/**
 * What was measured, as Markdown.
 *
 * @module
 */

import type { Machine } from "./machine.ts";
import { figure, heading, row } from "./markdown.ts";
import { median } from "./measure.ts";
import { type Contender, CONTENDERS, type Measured } from "./workload.ts";

/** What a run gave. */
export interface Results {
  readonly at: string;
  readonly machine: Machine;
  readonly turns: number;
  readonly lines: readonly Measured[];
}

/** Whom psbase is compared with where commits are durable: not who has all rows in memory. */
const DURABLE: readonly Contender[] = [
  "SQLite FULL",
  "LMDB",
  "DuckDB",
  "Deno KV",
  "sqlite3",
];
/** And where they may be relaxed. */
const RELAXED: readonly Contender[] = [...DURABLE, "SQLite NORMAL"];

/** The median of a contender, if it took part. */
export function valueOf(line: Measured, contender: Contender): number | undefined {
  const turns = line.turns[contender];
  return turns && median(turns);
}

/** The least that a peer took. */
export function bestPeer(line: Measured): number | undefined {
  const peers = line.durability === "relaxed" ? RELAXED : DURABLE;
  const values = peers.map((peer) => valueOf(line, peer)).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.min(...values);
}

/** The goal in this line's unit, and how many times its best peer that is. */
function goalOf(line: Measured): string {
  const { goal } = line;
  if (goal === undefined) return "";
  if ("most" in goal) return `≤ ${goal.most} (${(goal.most / goal.peer).toFixed(2)})`;
  const times = valueOf(line, "psbase")! / valueOf(line, "nothing")!;
  return `≤ ${goal.floors.toFixed(2)} × nothing; it is ${times.toFixed(2)} ×`;
}

function titled(group: string, columns: readonly string[], rows: readonly string[][]): string {
  const title = `${group[0]!.toUpperCase()}${group.slice(1)}`;
  return [heading(title, columns), ...rows.map(row)].join("\n");
}

/** Who took part. */
export function contendersOf(lines: readonly Measured[]): Contender[] {
  return (Object.keys(CONTENDERS) as Contender[]).filter((contender) =>
    lines.some((line) => line.turns[contender])
  );
}

/** What it is, with the unit if that is not milliseconds. */
function withUnit({ title, unit = "ms" }: Measured): string {
  return unit === "ms" ? title : `${title}, ${unit}`;
}

/** A column for each contender, a row for each line. */
function table(group: string, lines: readonly Measured[]): string {
  const present = contendersOf(lines);
  const columns = ["ms", ...present, "psbase / best durable peer", "goal (of its best peer)"];
  return titled(
    group,
    columns,
    lines.map((line) => {
      const [ours, best] = [valueOf(line, "psbase"), bestPeer(line)];
      return [
        withUnit(line),
        ...present.map((contender) => figure(valueOf(line, contender))),
        ours !== undefined && best !== undefined ? (ours / best).toFixed(2) : "",
        goalOf(line),
      ];
    }),
  );
}

/** A column for each size, a row for each line and contender: what grows is seen. */
function growthTable(group: string, lines: readonly Measured[]): string {
  const sizes = [...new Set(lines.map(({ rows }) => rows!))];
  const rows = [...Map.groupBy(lines, withUnit)].flatMap(([title, lines]) =>
    contendersOf(lines).map((contender) => [
      `${title}: ${contender}`,
      ...lines.map((line) => figure(valueOf(line, contender))),
    ])
  );
  return titled(group, ["ms", ...sizes.map((size) => `${size.toLocaleString("en")} rows`)], rows);
}

/** All tables, and what they were measured on. */
export function report({ at, machine, turns, lines }: Results): string {
  const groups = Map.groupBy(lines, ({ group }) => group);
  return [
    `Medians of ${turns} turns or more, all contenders by turns, ${at}.\n`,
    `${machine.cpu}, ${machine.memory}, ${machine.system}, ${machine.fileSystem}; Deno ` +
    `${machine.deno}, V8 ${machine.v8}, SQLite ${machine.sqlite}. Appending 200 bytes and ` +
    `\`fdatasync\` alone: ${figure(machine.syncMs)} ms.\n`,
    ...Object.entries(CONTENDERS).map(([name, what]) => `- **${name}**: ${what}`),
    ...[...groups].map(([group, lines]) =>
      (lines[0]!.rows === undefined ? table : growthTable)(group, lines)
    ),
  ].join("\n");
}
