/**
 * The footer of a table as JSON: its fields, and where its row groups and indexes stand. That its
 * sum holds was seen by then; what is checked here is that it makes sense, whoever wrote it.
 *
 * @module
 */

import { isCount } from "../system/check.ts";
import { type Extent, storedLength } from "./extent.ts";
import { parseJson } from "../schema/json.ts";
import { objectWithKeys } from "../schema/field_def.ts";
import { TableSchema } from "../schema/schema.ts";
import { FILE_HEADER, GROUP_ROWS } from "../bytes/header.ts";

/** The numbers of rows are words of 32 bits, of which cleanup needs one for itself. */
const MAX_ROWS = 2 ** 32 - 2;

/** What the footer tells of a group. */
export interface GroupEntry extends Extent {
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** How many rows. */
  readonly rows: number;
}

/** What the footer tells of an index. */
export interface IndexEntry extends Extent {
  /** The number of the field. */
  readonly field: number;
  /** How many rows are null. */
  readonly nulls: number;
}

/** What the table as a whole is. */
export interface SegmentInfo {
  /** Fields. */
  readonly schema: TableSchema;
  /** The id that the next row gets. */
  readonly nextId: number;
  /** The last commit that the table holds. */
  readonly sequence: number;
}

/** All that the footer tells. */
export interface Footer extends SegmentInfo {
  /** The number that the next new group gets. */
  readonly nextGroup: number;
  /** In id order. */
  readonly groups: readonly GroupEntry[];
  /** In any order. */
  readonly indexes: readonly IndexEntry[];
}

const KEYS = ["schema", "nextId", "sequence", "nextGroup", "groups", "indexes"];

/** The text of a footer. */
export function formatFooter(footer: Footer): string {
  const { schema, nextId, sequence, nextGroup, groups, indexes } = footer;
  return JSON.stringify({
    schema: schema.toJson(),
    nextId,
    sequence,
    nextGroup,
    groups: groups.map((g) => [g.number, g.first, g.last, g.rows, ...placeOf(g)]),
    indexes: indexes.map((i) => [i.field, i.nulls, i.number, ...placeOf(i)]),
  });
}

/** The reverse, of a footer that stands at `end`; throws SyntaxError, a fragment, for what cannot be. */
export function parseFooter(text: string, end: number): Footer {
  const { nextId, sequence, nextGroup, ...json } = objectWithKeys(parseJson(text), KEYS);
  if (!isCount(nextId) || !isCount(sequence) || !isCount(nextGroup)) {
    throw new SyntaxError("a number is not a count");
  }
  const schema = TableSchema.fromJson(json.schema);
  const extents = new ExtentReader(nextGroup);
  const groups = extents.groups(json.groups, nextId);
  const indexes = extents.indexes(json.indexes, groups.reduce((sum, { rows }) => sum + rows, 0));
  if (extents.end !== end) throw new SyntaxError("what it tells of is not what stands before it");
  return { schema, nextId, sequence, nextGroup, groups, indexes };
}

/** Where an extent stands, as a footer tells it. */
function placeOf({ at, length, directory }: Extent): number[] {
  return [at, length, directory];
}

/** The reverse. */
function extentAt([at, length, directory]: readonly number[]): Omit<Extent, "number"> {
  return { at: at!, length: length!, directory: directory! };
}

/** Reads what a footer tells of extents. */
class ExtentReader {
  readonly #nextGroup: number;
  /** Where the next extent begins: they stand one behind the other, and nothing between. */
  end = FILE_HEADER;

  constructor(nextGroup: number) {
    this.#nextGroup = nextGroup;
  }

  /** The groups, ascending by id, none below another's. */
  groups(told: unknown, nextId: number): GroupEntry[] {
    let before = -1;
    return this.#entries(told, 7, ([number, first, last, rows, ...place]) => {
      const own = { number: number!, first: first!, last: last!, rows: rows! };
      const holds = first! > before && last! < nextId && rows! >= 1 && rows! <= GROUP_ROWS &&
        last! - first! + 1 >= rows!;
      before = last!;
      return holds ? { ...own, ...extentAt(place) } : undefined;
    });
  }

  /** The indexes of a table of so many rows. */
  indexes(told: unknown, rows: number): IndexEntry[] {
    if (rows > MAX_ROWS) throw new SyntaxError("more rows than a table can have");
    return this.#entries(told, 6, ([field, nulls, number, ...place]) => {
      const entry = { field: field!, nulls: nulls!, number: number!, ...extentAt(place) };
      return nulls! <= rows ? entry : undefined;
    });
  }

  #entries<E extends Extent>(
    told: unknown,
    length: number,
    entryOf: (numbers: readonly number[]) => E | undefined,
  ): E[] {
    if (!Array.isArray(told)) throw new SyntaxError("there is no list");
    return told.map((numbers) => {
      const areCounts = Array.isArray(numbers) && numbers.length === length &&
        numbers.every(isCount);
      const entry = areCounts ? entryOf(numbers) : undefined;
      if (entry === undefined || entry.at !== this.end || entry.number >= this.#nextGroup) {
        throw new SyntaxError("an impossible row group or index");
      }
      this.end += storedLength(entry);
      return entry;
    });
  }
}
