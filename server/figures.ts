/**
 * The figures of a field: how many values, which, and a histogram.
 *
 * @module
 */

import type { Base } from "../base.ts";
import { sortableOf } from "../engine/query/query.ts";
import { attributeType } from "../engine/schema/field_def.ts";
import type { TableSchema } from "../engine/schema/schema.ts";
import type { ValueType } from "../engine/schema/values.ts";
import { type Conditions, conditions } from "./params.ts";
import { valueJson } from "./rows.ts";

/** How many bars a histogram has at most. */
const BARS = 20;
/** Among more rows, distinct values are not counted: each of them would be kept in memory. */
const MAX_DISTINCT_ROWS = 1_000_000;

/** The figures of a field, among the rows that match. */
export function figuresOf(
  base: Base,
  schema: TableSchema,
  name: string,
  where: Conditions,
): unknown {
  const attribute = sortableOf(schema, name);
  const type = attributeType(attribute);
  return base.snapshot((view) => {
    const among = (condition: unknown) => conditions({ _and: [where, { [name]: condition }] });
    const count = view.count(where);
    const nulls = view.count(among(null));
    const isNumber = ["integer", "float", "bigint"].includes(type.name);
    const [min, max] = [view.min(name, where), view.max(name, where)];
    const bars = min === null || max === null ? [] : edges(type, min, max);
    const told = (value: unknown) => valueJson(attribute, value);
    return {
      count,
      nulls,
      distinct: count > MAX_DISTINCT_ROWS
        ? null
        : view.distinct(name, where).filter((value) => value !== null).length,
      min: told(min),
      max: told(max),
      mean: isNumber && typeof attribute !== "string" ? view.avg(name, where) : null,
      histogram: bars.length < 2 ? null : bars.slice(1).map((to, i) => {
        const isLast = i === bars.length - 2;
        const range = { gte: bars[i], [isLast ? "lte" : "lt"]: to };
        return { from: told(bars[i]), to: told(to), count: view.count(among(range)) };
      }),
    };
  });
}

/** The values between the bars, from the least to the greatest; none if there is no distance. */
function edges(type: ValueType, min: unknown, max: unknown): unknown[] {
  const [low, high] = [type.encode(min), type.encode(max)];
  if (typeof low === "bigint") {
    const range = (high as bigint) - low;
    const bars = range < BigInt(BARS) ? range : BigInt(BARS);
    return Array.from({ length: Number(bars) + 1 }, (_, i) => low + range * BigInt(i) / bars);
  }
  if (typeof low !== "number" || type.name === "boolean" || type.name === "link") return [];
  const range = (high as number) - low;
  if (!Number.isFinite(range) || range === 0) return [];
  const isWhole = type.range !== undefined;
  const bars = isWhole ? Math.min(BARS, range) : BARS;
  return Array.from({ length: bars + 1 }, (_, i) => {
    const edge = i === bars ? high as number : low + range * (i / bars);
    return type.decode(isWhole ? Math.round(edge) : edge);
  });
}
