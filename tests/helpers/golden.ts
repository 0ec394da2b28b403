/**
 * Bases of released formats, and what must be found in them.
 *
 * @module
 */

import { PsBase } from "../../mod.ts";

/** Where those of format 1 are. */
export const GOLDEN = new URL("../testdata/format_v1/", import.meta.url).pathname;

/** A value as JSON in which no two are the same that differ. */
function exact(value: unknown): unknown {
  if (typeof value === "bigint") return { bigint: String(value) };
  if (typeof value === "number") {
    if (Object.is(value, -0)) return { number: "-0" };
    return Number.isFinite(value) ? value : { number: String(value) };
  }
  if (value instanceof Uint8Array) return { bytes: value.toHex() };
  if (value instanceof Date) return { date: value.toISOString() };
  if (typeof value !== "object" || value === null) return value;
  if (Symbol.toStringTag in value) return { [String(value[Symbol.toStringTag])]: String(value) };
  if (Array.isArray(value)) return value.map(exact);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, exact(one)]));
}

/** All that can be read of a table: its fields and rows, links as the rows they lead to. */
export function golden(path: string): string {
  using base = PsBase.openSync(path, { readOnly: true });
  const { generation, sequence, recovered } = base.stats();
  const fields = Object.entries(base.schema).map(([name, field]) => {
    // Where a link leads depends on where the tables are.
    const link = typeof field.type === "object" && "link" in field.type;
    return [name, link ? { ...field, type: "link" } : field];
  });
  const found = {
    fields: exact(Object.fromEntries(fields)),
    generation,
    sequence,
    torn: recovered?.bytes ?? 0,
    rows: Array.from(base, exact),
  };
  return JSON.stringify(found, null, 1) + "\n";
}
