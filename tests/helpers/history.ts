/**
 * A history of transactions, as processes tell it, and whether it is one after the other.
 *
 * Each transaction counts in row 0, which also holds its tag: so whoever comes next tells, by
 * what it read, who came before. From the last one the order of all of them follows.
 *
 * @module
 */

/** The fields; row 0 counts, the others have money. */
export const SCHEMA = {
  /** How often row 0 was written; of others, the count when they were written last. */
  n: { type: "integer", required: true },
  /** Who wrote it last. */
  tag: { type: "string", required: true },
  money: { type: "integer", required: true, index: true },
} as const;

/** How many rows have money. */
export const ACCOUNTS = 8;
/** What each of them has at first. */
export const SHARE = 100;
/** What they have together, at each commit point. */
export const SUM = ACCOUNTS * SHARE;

/** A row, as it is told: id, n, tag, money. */
export type Told = readonly [id: number, n: number, tag: string, money: number];

/** What the table holds at first. */
export const FIRST: readonly Told[] = [
  [0, 0, "first", 0],
  ...Array.from({ length: ACCOUNTS }, (_, i): Told => [i + 1, 0, "first", SHARE]),
];

/** What a process tells, a line each. */
export type Line =
  /** All of a transaction is done but the commit. */
  | {
    readonly kind: "try";
    readonly tag: string;
    readonly reads: readonly Told[];
    readonly puts: readonly Told[];
    readonly deletes: readonly number[];
    /** Whether it is going to throw. */
    readonly fails: boolean;
  }
  /** It was acknowledged. */
  | { readonly kind: "done"; readonly tag: string }
  /** It was undone. */
  | { readonly kind: "undone"; readonly tag: string }
  /** What one look showed. */
  | { readonly kind: "seen"; readonly rows: readonly Told[] };

type Try = Extract<Line, { kind: "try" }>;

/** A row of the table as it is told. */
export function told(
  row: { __id__: number; n: number; tag: string; money: number },
): Told {
  return [row.__id__, row.n, row.tag, row.money];
}

/** What a history says. */
export interface Verdict {
  /** What is wrong, in words. */
  readonly faults: string[];
  /** How many transactions were committed. */
  readonly commits: number;
  /** How many of them were not acknowledged. */
  readonly unacknowledged: number;
  /** How many looks were compared. */
  readonly looks: number;
}

/** Finds the order of the transactions, and compares with it all that was read. */
export function judge(processes: readonly (readonly Line[])[], last: readonly Told[]): Verdict {
  const faults: string[] = [];
  const tries = new Map<string, Try>();
  const done = new Set<string>();
  const undone = new Set<string>();
  for (const line of processes.flat()) {
    if (line.kind === "try") tries.set(line.tag, line);
    if (line.kind === "done") done.add(line.tag);
    if (line.kind === "undone") undone.add(line.tag);
  }

  const order: Try[] = [];
  const placed = new Set<string>();
  for (let tag = last[0]![2]; tag !== "first";) {
    const one = tries.get(tag);
    if (one === undefined || placed.has(tag)) {
      faults.push(`"${tag}" was ${one ? "committed twice" : "never tried"}`);
      break;
    }
    placed.add(tag);
    order.unshift(one);
    tag = one.reads[0]![2];
  }
  for (const tag of done) if (!placed.has(tag)) faults.push(`"${tag}" is lost`);
  for (const tag of undone) if (placed.has(tag)) faults.push(`"${tag}" was undone, and is there`);
  for (const tag of placed) if (tries.get(tag)!.fails) faults.push(`"${tag}" threw, and is there`);

  const rows = new Map(FIRST.map((row) => [row[0], row]));
  const text = () => JSON.stringify([...rows.values()].sort(([a], [b]) => a - b));
  const states = new Map([["first", text()]]);
  let nextId = FIRST.length;
  order.forEach(({ tag, reads, puts, deletes }, i) => {
    for (const read of reads) {
      const row = JSON.stringify(rows.get(read[0]));
      if (row !== JSON.stringify(read)) faults.push(`"${tag}" read ${read}, there was ${row}`);
    }
    for (const put of puts) {
      if (!rows.has(put[0]) && put[0] !== nextId++) faults.push(`"${tag}" got the id ${put[0]}`);
      rows.set(put[0], put);
    }
    for (const id of deletes) rows.delete(id);
    const n = rows.get(0)![1];
    if (n !== i + 1) faults.push(`"${tag}" counted to ${n}, it is number ${i + 1}`);
    states.set(tag, text());
  });
  if (JSON.stringify(last) !== text()) faults.push(`at the end there is ${JSON.stringify(last)}`);

  let looks = 0;
  const position = new Map(["first", ...order.map(({ tag }) => tag)].map((tag, i) => [tag, i]));
  for (const lines of processes) {
    // Nobody sees less than before, nor less than what it was acknowledged.
    let least = 0;
    for (const line of lines) {
      const tag = line.kind === "seen" ? line.rows[0]![2] : line.kind === "done" ? line.tag : "";
      if (tag === "") continue;
      const at = position.get(tag) ?? -1;
      if (at < least) faults.push(`"${tag}" (${at}) was seen after ${least}`);
      least = Math.max(least, at);
      if (line.kind !== "seen") continue;
      looks++;
      if (JSON.stringify(line.rows) !== states.get(tag)) {
        faults.push(`at "${tag}" was seen ${JSON.stringify(line.rows)}, not ${states.get(tag)}`);
      }
    }
  }
  const unacknowledged = order.filter(({ tag }) => !done.has(tag)).length;
  return { faults, commits: order.length, unacknowledged, looks };
}
