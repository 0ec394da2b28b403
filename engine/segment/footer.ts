/**
 * The footer of a segment as JSON: the schema, and where row groups and indexes are. The caller has
 * verified its checksum. These functions check that the content makes sense, whoever wrote it.
 *
 * @module
 */

import { isCount } from "../system/check.ts";
import { CommitKeys } from "./commit_keys.ts";
import { type Extent, storedLength } from "./extent.ts";
import { parseJson } from "../schema/json.ts";
import { objectWithKeys } from "../schema/field_def.ts";
import { TableSchema } from "../schema/schema.ts";
import { FILE_HEADER, GROUP_ROWS } from "../bytes/header.ts";

/** Indexes number rows with 32 bits, and compaction reserves one number. */
const MAX_ROWS = 2 ** 32 - 2;

/** A row group in the footer. */
export interface GroupEntry extends Extent {
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** The number of rows. */
  readonly rows: number;
}

/** An index in the footer. */
export interface IndexEntry extends Extent {
  /** The number of the field. */
  readonly field: number;
  /** The number of rows with null. */
  readonly nulls: number;
}

/** The state of the table at the end of a segment. */
export interface SegmentInfo {
  /** The schema. */
  readonly schema: TableSchema;
  /** The id that the next row gets. */
  readonly nextId: number;
  /** The last commit whose changes the segment contains. */
  readonly sequence: number;
  /** The keys of commits that the segment carries; empty in most tables. */
  readonly keys?: Uint8Array | undefined;
}

/** The content of a footer. */
export interface Footer extends SegmentInfo {
  /** The number that the next new row group or index gets. */
  readonly nextGroup: number;
  /** In id order. */
  readonly groups: readonly GroupEntry[];
  /** In any order. */
  readonly indexes: readonly IndexEntry[];
}

const KEYS = ["schema", "nextId", "sequence", "nextGroup", "groups", "indexes", "keys"];
/** The file stores each entry as an array of numbers, in this order. */
const GROUP_KEYS = ["number", "first", "last", "rows", "at", "length", "directory"] as const;
const INDEX_KEYS = ["field", "nulls", "number", "at", "length", "directory"] as const;

/** The text of a footer. */
export function formatFooter(footer: Footer): string {
  const { schema, nextId, sequence, nextGroup, groups, indexes, keys } = footer;
  return JSON.stringify({
    schema: schema.toJson(),
    nextId,
    sequence,
    nextGroup,
    groups: groups.map((entry) => GROUP_KEYS.map((key) => entry[key])),
    indexes: indexes.map((entry) => INDEX_KEYS.map((key) => entry[key])),
    // Base64 is read faster than as many numbers.
    ...(keys !== undefined && keys.length > 0 && { keys: keys.toBase64() }),
  });
}

/** The reverse, for a footer that begins at `end`; throws SyntaxError, a fragment. */
export function parseFooter(text: string, end: number): Footer {
  const { nextId, sequence, nextGroup, ...json } = objectWithKeys(parseJson(text), KEYS);
  if (!isCount(nextId) || !isCount(sequence) || !isCount(nextGroup)) {
    throw new SyntaxError("nextId, sequence or nextGroup is not a count");
  }
  const schema = TableSchema.fromJson(json.schema);
  const extents = new ExtentReader(nextGroup);
  const groups = extents.groups(json.groups, nextId);
  const indexes = extents.indexes(json.indexes, groups.reduce((sum, { rows }) => sum + rows, 0));
  if (extents.end !== end) throw new SyntaxError("its row groups and indexes end elsewhere");
  return { schema, nextId, sequence, nextGroup, groups, indexes, keys: keysIn(json.keys) };
}

function keysIn(json: unknown): Uint8Array | undefined {
  if (json === undefined) return undefined;
  const keys = typeof json === "string" ? Uint8Array.fromBase64(json) : undefined;
  if (keys === undefined || !CommitKeys.fit(keys)) throw new SyntaxError("no commit keys");
  return keys;
}

/** Reads and checks the extents in a footer. */
class ExtentReader {
  readonly #nextGroup: number;
  /** Where the next extent begins: there are no gaps between extents. */
  end = FILE_HEADER;

  constructor(nextGroup: number) {
    this.#nextGroup = nextGroup;
  }

  /** The row groups. Their ids ascend and do not overlap. */
  groups(json: unknown, nextId: number): GroupEntry[] {
    let before = -1;
    return this.#entries<GroupEntry>(json, GROUP_KEYS, ({ first, last, rows }) => {
      const isValid = first > before && last < nextId && rows >= 1 && rows <= GROUP_ROWS &&
        last - first + 1 >= rows;
      before = last;
      return isValid;
    });
  }

  /** The indexes of a segment with this many rows. */
  indexes(json: unknown, rows: number): IndexEntry[] {
    if (rows > MAX_ROWS) throw new SyntaxError("more rows than a table can have");
    return this.#entries<IndexEntry>(json, INDEX_KEYS, ({ nulls }) => nulls <= rows);
  }

  #entries<E extends Extent>(
    json: unknown,
    keys: readonly (keyof E & string)[],
    isValid: (entry: E) => boolean,
  ): E[] {
    if (!Array.isArray(json)) throw new SyntaxError("a list is missing");
    return json.map((numbers) => {
      const areCounts = Array.isArray(numbers) && numbers.length === keys.length &&
        numbers.every(isCount);
      const entry = Object.fromEntries(keys.map((key, i) => [key, numbers?.[i]])) as unknown as E;
      const fits = areCounts && isValid(entry) && entry.at === this.end &&
        entry.number < this.#nextGroup;
      if (!fits) throw new SyntaxError("a row group or an index is impossible");
      this.end += storedLength(entry);
      return entry;
    });
  }
}
