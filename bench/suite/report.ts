/**
 * What was measured, as Markdown.
 *
 * @module
 */

import type { Machine } from "./machine.ts";
import { type Contender, CONTENDERS, type Measured, median } from "./workload.ts";

/** What a run gave. */
export interface Results {
  readonly at: string;
  readonly machine: Machine;
  readonly turns: number;
  readonly lines: readonly Measured[];
}

/** Whom psbase is compared with where commits are durable: not who has all rows in memory. */
const DURABLE: readonly Contender[] = ["SQLite FULL", "Deno KV"];
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

/** Three digits. */
export function figure(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

/** The goal in this line's unit, and how many times its best peer that is. */
function goalOf(line: Measured): string {
  const { goal } = line;
  if (goal === undefined) return "";
  if ("most" in goal) return `≤ ${goal.most} (${(goal.most / goal.peer).toFixed(2)})`;
  const times = valueOf(line, "psbase")! / valueOf(line, "nothing")!;
  return `≤ ${goal.floors.toFixed(2)} × nothing; it is ${times.toFixed(2)} ×`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A table of the lines of one group. */
export function table(group: string, lines: readonly Measured[]): string {
  const present = (Object.keys(CONTENDERS) as Contender[]).filter((contender) =>
    lines.some((line) => line.turns[contender])
  );
  const columns = [...present, "psbase / best durable peer", "goal (of best peer there)"];
  const cells = lines.map((line) => {
    const [ours, best] = [valueOf(line, "psbase"), bestPeer(line)];
    const unit = line.unit ?? "ms";
    return [
      `${line.title}${unit === "ms" ? "" : `, ${unit}`}`,
      ...present.map((contender) => figure(valueOf(line, contender))),
      ours !== undefined && best !== undefined ? (ours / best).toFixed(2) : "",
      goalOf(line),
    ];
  });
  return [
    `## ${group[0]!.toUpperCase()}${group.slice(1)}`,
    "",
    row([`ms, or as said`, ...columns]),
    row(["---", ...columns.map(() => "--:")]),
    ...cells.map(row),
    "",
  ].join("\n");
}

/** All tables, and what they were measured on. */
export function report({ at, machine, turns, lines }: Results): string {
  const groups = Map.groupBy(lines, ({ group }) => group);
  return [
    `Medians of ${turns} turns, all contenders by turns, ${at}.\n`,
    `${machine.cpu}, ${machine.memory}, ${machine.system}, ${machine.fileSystem}; Deno ` +
    `${machine.deno}, V8 ${machine.v8}, SQLite ${machine.sqlite}. Appending 200 bytes and ` +
    `\`fdatasync\` alone: ${figure(machine.syncMs)} ms.\n`,
    ...Object.entries(CONTENDERS).map(([name, what]) => `- **${name}**: ${what}`),
    "",
    ...[...groups].map(([group, lines]) => table(group, lines)),
  ].join("\n");
}
