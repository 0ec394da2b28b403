/**
 * The first rows in an order that no index has. Once enough rows are known, the rows of the other
 * chunks that cannot come before them are excluded by a condition like any other, on the columns:
 * only the rows that are left become locations. The chunks that may hold the first rows come first.
 *
 * @module
 */

import { type Attribute, attributeType } from "../schema/field_def.ts";
import { equal, NULL, type Predicate, ranged } from "../schema/predicate.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import type { Group } from "../segment/group.ts";
import { selectAll } from "../segment/numbers.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { GroupPart, Slice } from "../snapshot/snapshot.ts";
import { CorruptionError } from "../system/errors.ts";
import type { Plan } from "./plan.ts";
import type { OrderKey } from "./query.ts";
import {
  conjunction,
  disjunction,
  findRows,
  predicateFilter,
  type RowFilter,
} from "./row_filter.ts";
import { chunks, locationsIn } from "./scan.ts";
import { sortedPlaces } from "./sort.ts";

/** Ties go by id. */
const BY_ID: OrderKey = { attribute: "__id__", descending: false };

/** Collects the values by which rows are sorted. */
export class Sorter {
  readonly #order: readonly OrderKey[];
  /** The values of each key. */
  readonly #values: (Stored | null)[][];

  constructor(order: readonly OrderKey[]) {
    this.#order = order;
    this.#values = order.map(() => []);
  }

  /** Adds the next row. */
  add(location: RowLocation): void {
    for (let k = 0; k < this.#order.length; k++) {
      const { attribute } = this.#order[k]!;
      const isOfColumn = location.row === undefined && typeof attribute !== "string";
      this.#values[k]!.push(
        isOfColumn
          ? location.group.column(attribute).sortKey(location.index)
          : valueAt(location, attribute),
      );
    }
  }

  /** The places of the rows as they were added, in their order; ties as they were added. */
  places(): Uint32Array {
    return sortedPlaces(this.#order.map(({ attribute, descending }, k) => ({
      type: attributeType(attribute),
      descending,
      values: this.#values[k]!,
    })));
  }
}

/** The first `count` of the rows that match, in an order of at least one key; ties by id. */
export function topRows(
  plan: Plan,
  order: readonly OrderKey[],
  count: number,
): RowLocation[] {
  let found: RowLocation[] = [];
  if (count === 0) return found;
  const [first = BY_ID, ...others] = order;
  const keys = [first, ...others, BY_ID] as const;
  const limit = new Limit();
  for (const chunk of chunks(plan, limit, (slices) => bestFirst(slices, first))) {
    for (const location of locationsIn(chunk)) found.push(location);
    // Sorting twice as many rows as are needed excludes at least one for each that it sorts again.
    if (found.length < 2 * count) continue;
    found = inOrder(found, keys).slice(0, count);
    limit.filter = upTo(keys, found.at(-1)!);
  }
  return inOrder(found, keys).slice(0, count);
}

/**
 * The groups that may hold the first rows come first, by their zone maps: the others need not be
 * read then. Where nothing is known, the rows may be anywhere.
 */
function bestFirst(slices: Iterable<Slice>, { attribute, descending }: OrderKey): Slice[] {
  const known = Array.from(slices, (slice) => ({
    slice,
    best: slice.part && unlessDamaged(
      () => boundsOf(slice.part, attribute)?.[descending ? 1 : 0],
      () => undefined,
    ),
  }));
  const sign = descending ? -1 : 1;
  known.sort((a, b) =>
    a.best === undefined || b.best === undefined
      ? Number(a.best !== undefined) - Number(b.best !== undefined)
      : sign * attributeType(attribute).compare(a.best, b.best)
  );
  return known.map(({ slice }) => slice);
}

/** The least and the greatest value of an attribute in a group, if they are known. */
function boundsOf(part: GroupPart, attribute: Attribute): readonly Stored[] | undefined {
  if (attribute === "__id__") return [part.first, part.last];
  return attribute === "__version__" ? undefined : part.open().zoneMap(attribute);
}

/** Excludes rows that cannot be among the first. It only saves work, so it may let any row pass. */
class Limit implements RowFilter {
  /** None until enough rows are known. */
  filter: RowFilter = conjunction([]);

  canPrune(part: GroupPart): boolean {
    return this.filter.canPrune(part);
  }

  select(group: Group, rows: Uint32Array, n: number): number {
    const given = rows.slice(0, n);
    return unlessDamaged(() => this.filter.select(group, rows, n), () => {
      rows.set(given);
      return n;
    });
  }

  find(group: Group, rows: Uint32Array, live: (n: number) => number): number {
    return unlessDamaged(
      () => findRows(this.filter, group, rows, live),
      () => live(selectAll(rows)),
    );
  }

  matches(location: RowLocation): boolean {
    return this.filter.matches(location);
  }
}

/** A damaged value harms no query whose conditions exclude its row: they are asked first then. */
function unlessDamaged<T>(work: () => T, otherwise: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CorruptionError) return otherwise();
    throw error;
  }
}

/** The rows from the first one up to `last`. */
function upTo(keys: readonly [OrderKey, ...OrderKey[]], last: RowLocation): RowFilter {
  const [{ attribute, descending }] = keys;
  const side = sideOf(attributeType(attribute), descending, valueAt(last, attribute), false);
  // The one condition excludes most rows, and is fast. The others need to look at few rows then.
  return conjunction([predicateFilter(attribute, side), before(keys, last)]);
}

/** The rows before `last`. */
function before(
  [{ attribute, descending }, ...others]: readonly [OrderKey, ...OrderKey[]],
  last: RowLocation,
): RowFilter {
  const type = attributeType(attribute);
  const value = valueAt(last, attribute);
  const less = predicateFilter(attribute, sideOf(type, descending, value, true));
  const [next, ...rest] = others;
  if (next === undefined) return less;
  const same = predicateFilter(attribute, value === null ? NULL : equal(type, value));
  return disjunction([less, conjunction([same, before([next, ...rest], last)])]);
}

/** Matches what comes before `value`, and the value itself unless it is open; null is first. */
function sideOf(
  type: ValueType,
  descending: boolean,
  value: Stored | null,
  open: boolean,
): Predicate {
  if (descending) {
    return value === null
      ? { ...ranged(type, {}), nulls: !open }
      : ranged(type, { low: value, lowOpen: open });
  }
  return value === null
    ? { ...NULL, nulls: !open }
    : { ...ranged(type, { high: value, highOpen: open }), nulls: true };
}

function inOrder(rows: readonly RowLocation[], order: readonly OrderKey[]): RowLocation[] {
  const sorter = new Sorter(order);
  for (const location of rows) sorter.add(location);
  return Array.from(sorter.places(), (i) => rows[i]!);
}
