/**
 * Salvage: repairs a damaged table by copying its intact rows into a new one, and lists the losses.
 *
 * 1. Only rows that verify are written, each at the version that verified.
 * 2. Rows that the damage did not touch are as they were last.
 * 3. An entry of the list covers each row that may be missing or outdated.
 *
 * Commits hold whole rows, so commits after a lost one can be applied. But a row can be read only
 * with the fields that the table had then: if lost commits may have changed the fields, no commit is
 * applied until one tells the fields again.
 *
 * @module
 */

import { orDamage, type Problem, problemOf } from "./integrity_check.ts";
import { buildTable } from "./build.ts";
import { firstWhere } from "../system/bisect.ts";
import { encodeText } from "../bytes/bytes.ts";
import {
  type ChangeSink,
  idsBelow,
  type ImpossibleValue,
  readCommit,
  tellsFields,
} from "../log/changes.ts";
import type { Fill } from "./create.ts";
import { BaseExistsError, CorruptionError } from "../system/errors.ts";
import type { Files } from "../system/file.ts";
import { Group, type GroupDirectory, MemorySource } from "../segment/group.ts";
import { unreadable } from "../store/identity.ts";
import { type FoundCommit, type Recoverable, scanForRecovery } from "./recovery_scan.ts";
import { writeIndexes } from "./rewrite.ts";
import { readField, type StoredRow } from "../schema/field_def.ts";
import { decodeFrom } from "../snapshot/rows.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { GroupPart } from "../snapshot/snapshot.ts";
import { RowWriter, type SegmentWriter } from "../segment/segment_writer.ts";
import { equalityKey } from "../schema/values.ts";
import { EMPTY_FRAME } from "../log/frame.ts";
import { withMovedTargets } from "../schema/link_paths.ts";

/** Something that could not be salvaged. */
export interface Loss extends Problem {
  /**
   * Ranges of ids of lost rows; ids of rows that were deleted before may be among them. `null` if
   * commits are lost: rows that they inserted are gone, rows that they changed are older, rows that
   * they deleted are back.
   */
  readonly ids: readonly (readonly [first: number, last: number])[] | null;
}

/** What was salvaged, and what was lost. */
export interface SalvageResult {
  /** How many rows the new table has. */
  readonly rows: number;
  /** What was lost; empty if nothing was. */
  readonly lost: readonly Loss[];
}

/**
 * Makes a table in `to` of the rows that verify in the table in `dir`; yields where it can pause.
 *
 * @throws {BaseNotFoundError} If there is no table.
 * @throws {BaseExistsError} If there is a table in `to` already, or something else.
 * @throws {CorruptionError} If nothing can be salvaged; then there is no new table.
 * @throws {FormatVersionError} If a newer psbase wrote it.
 * @throws {WriteError} If the disk refuses; then there is no new table.
 */
export function* salvage(
  files: Files,
  dir: string,
  to: string,
): Generator<undefined, SalvageResult> {
  const attempt = `Cannot salvage "${dir}"`;
  const location = files.fileId(to);
  if (location !== undefined && location === files.fileId(dir)) {
    throw new BaseExistsError(`${attempt} to "${to}": they are the same, choose another path`);
  }
  try {
    const found = scanForRecovery(files, dir);
    try {
      const rescue = new Rescue(found);
      const { schema } = rescue;
      const fill: Fill = (out) =>
        rescue.write(out, withMovedTargets(files, schema, { from: dir, to }));
      yield* buildTable(files, { like: found.file, dir: to }, `${attempt} to "${to}"`, fill);
      return { rows: rescue.count, lost: rescue.lost() };
    } finally {
      found.segment?.close();
    }
  } catch (error) {
    throw unreadable(dir, error);
  }
}

/** A row as a commit wrote it: `null` if deleted, an error if it cannot be read. */
type LoggedRow = StoredRow | CorruptionError | null;

/** A row that a commit wrote, and which commit. */
interface Logged {
  readonly row: LoggedRow;
  readonly sequence: number;
}

/** A row, and the commit that wrote it; 0 if it is from the segment. */
interface FoundRow {
  readonly id: number;
  readonly row: StoredRow;
  readonly sequence: number;
}

/** Commits that could not be applied. */
interface Missing extends Problem {
  /** How many commits after them verify, but cannot be read safely. */
  unread: number;
}

/** Notes that the rows of these ids cannot be read. */
type Lose = (error: CorruptionError, first: number, last: number) => void;

/** The changes of one commit. */
class CommitChanges implements ChangeSink {
  schema: TableSchema;
  /** The rows that it wrote. */
  readonly rows = new Map<number, LoggedRow>();
  readonly #path: string;
  readonly #at: number;

  constructor(schema: TableSchema, { file, at }: FoundCommit) {
    this.schema = schema;
    this.#path = file;
    this.#at = at;
  }

  put(id: number, row: StoredRow): void {
    this.rows.set(id, row);
  }

  delete(id: number): void {
    this.rows.set(id, null);
  }

  batch(first: number, directory: GroupDirectory, bytes: Uint8Array): void {
    const group = new Group(new MemorySource(bytes, this.#path), directory, first);
    for (let i = 0; i < group.rows; i++) {
      this.rows.set(first + i, wholeRow(group, i, this.schema));
    }
  }

  lose(id: number, { message }: ImpossibleValue): void {
    this.rows.set(id, new CorruptionError(this.#path, this.#at, message));
  }

  alter(schema: TableSchema): void {
    this.schema = schema;
  }
}

/** A row of a group, if each of its values can be decoded. */
function wholeRow(group: Group, i: number, { fields }: TableSchema): StoredRow | CorruptionError {
  return orDamage(() => {
    const row = group.row(i, fields);
    for (const field of fields) {
      const value = field.type === "json" ? readField(row, field) : null;
      if (value !== null) decodeFrom(group, field, value);
    }
    return row;
  });
}

/**
 * Whether lost commits may have changed the fields, by their bytes. A commit that changes them holds
 * the whole schema after the change, in which one field may be dropped or shorter.
 */
function mayAlter(schema: TableSchema, bytes: number, commits: number): boolean {
  const lengthOf = (json: unknown) => encodeText(JSON.stringify(json)).length;
  const { fields } = schema.toJson() as { readonly fields: readonly unknown[] };
  const least = EMPTY_FRAME + lengthOf({ fields }) - Math.max(...fields.map(lengthOf)) - 1;
  return bytes >= least + (commits - 1) * (EMPTY_FRAME + 8);
}

/** The repair of one table. */
class Rescue {
  /** How many rows were salvaged. */
  count = 0;
  readonly #found: Recoverable;
  /** The newest fields that are known. */
  #schema: TableSchema | undefined;
  /** Whether the next commit was certainly written with these fields. */
  #fits: boolean;
  #sequence: number;
  #nextId: number;
  /** The rows that commits wrote. */
  readonly #logged = new Map<number, Logged>();
  /** Their ids, ascending. */
  readonly #ids: readonly number[];
  readonly #missing: Missing[] = [];
  /** The lost rows, by problem. */
  readonly #losses = new Map<string, Problem & { readonly ids: [first: number, last: number][] }>();

  constructor(found: Recoverable) {
    const { segment, unusable, commits, cut } = this.#found = found;
    this.#schema = segment?.schema;
    this.#fits = segment !== undefined;
    this.#sequence = segment?.sequence ?? commits[0]?.sequence ?? 0;
    this.#nextId = segment?.nextId ?? 0;
    if (segment === undefined) this.#miss(unusable!);
    for (const commit of commits) this.#take(commit);
    if (cut !== undefined) this.#miss(cut, cut.bytes);
    this.#ids = [...this.#logged.keys()].sort((a, b) => a - b);
  }

  /**
   * The fields.
   *
   * @throws {CorruptionError} If nothing tells them.
   */
  get schema(): TableSchema {
    if (this.#schema !== undefined) return this.#schema;
    const { file, offset, reason } = this.#found.unusable!;
    const told = `nothing can be salvaged, as no commit tells the fields, and ${reason}`;
    throw new CorruptionError(file, offset, told);
  }

  // ------------------------------------------------------------- commits

  /** Notes missing commits; each byte of them may have used an id, which must not be used again. */
  #miss({ file, offset, reason }: Problem, bytes = 0): void {
    this.#missing.push({ file, offset, reason, unread: 0 });
    this.#nextId += bytes;
  }

  #take(commit: FoundCommit): void {
    const { file, at, sequence, payload } = commit;
    const lost = sequence - this.#sequence - 1;
    if (lost > 0) this.#skip(commit, lost);
    this.#sequence = sequence;
    if (this.#fits || tellsFields(payload)) return this.#apply(commit);
    const below = orDamage(() => idsBelow({ path: file, end: at }, payload));
    if (below instanceof CorruptionError) return this.#miss(below, payload.length);
    this.#missing.at(-1)!.unread++;
    this.#nextId = Math.max(this.#nextId, below);
  }

  /** Notes the commits that are missing before a commit. */
  #skip({ file, at, gap }: FoundCommit, lost: number): void {
    const [bytes, reason] = gap === Infinity
      ? [0, `${commits(lost)} before it ${lost === 1 ? "is" : "are"} missing`]
      : [gap, `${commits(lost)} ${lost === 1 ? "does" : "do"} not verify`];
    this.#miss({ file, offset: at - bytes, reason }, bytes);
    this.#fits &&= !mayAlter(this.#schema!, gap, lost);
  }

  #apply(commit: FoundCommit): void {
    const { file, at, sequence, payload } = commit;
    const changes = new CommitChanges(this.#schema!, commit);
    const damage = orDamage(() => readCommit({ path: file, end: at }, payload, changes));
    if (damage instanceof CorruptionError) {
      this.#fits = false;
      return this.#miss(damage, payload.length);
    }
    for (const [id, row] of changes.rows) {
      this.#logged.set(id, { row, sequence });
      this.#nextId = Math.max(this.#nextId, id + 1);
    }
    this.#schema = changes.schema;
    this.#fits = true;
  }

  // ------------------------------------------------------------- rows

  /** All rows that verify, in id order. */
  *#rows(lose: Lose): Generator<FoundRow> {
    let next = 0;
    for (const part of this.#found.segment?.groups ?? []) {
      for (const found of this.#intact(part, lose)) {
        for (; this.#ids[next]! < found.id; next++) yield* this.#written(this.#ids[next]!, lose);
        yield found;
      }
    }
    for (; next < this.#ids.length; next++) yield* this.#written(this.#ids[next]!, lose);
  }

  /** The row that a commit wrote; none if the commit deleted it, or it cannot be read. */
  #written(id: number, lose: Lose): FoundRow[] {
    const { row, sequence } = this.#logged.get(id)!;
    if (row instanceof CorruptionError) lose(row, id, id);
    return row === null || row instanceof CorruptionError ? [] : [{ id, row, sequence }];
  }

  /** The rows of a group of the segment that verify, and that no commit changed. */
  *#intact(part: GroupPart, lose: Lose): Generator<FoundRow> {
    const loseUnlogged: Lose = (error, first, last) => {
      for (const ids of this.#unlogged(first, last)) lose(error, ...ids);
    };
    const { schema } = this;
    const group = orDamage(() => {
      const group = part.open();
      for (const column of group.columns(schema.fields)) column.load();
      return group;
    });
    if (group instanceof CorruptionError) return loseUnlogged(group, part.first, part.last);
    let before = part.first - 1;
    /** Why the rows after `before`, whose ids are unknown, cannot be read. */
    let unknown: CorruptionError | undefined;
    for (let i = 0; i < group.rows; i++) {
      const id = orDamage(() => group.id(i));
      if (id instanceof CorruptionError) {
        unknown ??= id;
        continue;
      }
      const row = this.#logged.has(id) ? undefined : wholeRow(group, i, schema);
      if (row instanceof CorruptionError) loseUnlogged(unknown ?? row, before + 1, id);
      else if (unknown !== undefined) loseUnlogged(unknown, before + 1, id - 1);
      if (row !== undefined && !(row instanceof CorruptionError)) yield { id, row, sequence: 0 };
      unknown = undefined;
      before = id;
    }
    if (unknown !== undefined) loseUnlogged(unknown, before + 1, part.last);
  }

  /**
   * The ids of rows that a lost commit must have changed or deleted: newer rows have their unique
   * values, or they lack a value that is required now.
   */
  #outdated(): ReadonlySet<number> {
    const outdated = new Set<number>();
    if (this.#missing.length === 0) return outdated;
    const { fields, unique } = this.schema;
    const required = fields.filter((field) => field.required);
    type Holder = Pick<FoundRow, "id" | "sequence">;
    const holders = unique.map((field) => ({ field, byValue: new Map<unknown, Holder>() }));
    for (const { id, row, sequence } of this.#rows(() => {})) {
      if (required.some((field) => readField(row, field) === null)) outdated.add(id);
      for (const { field, byValue } of holders) {
        const value = readField(row, field);
        if (value === null) continue;
        const key = equalityKey(value);
        const other = byValue.get(key);
        const isNewer = other === undefined || sequence > other.sequence;
        if (isNewer) byValue.set(key, { id, sequence });
        if (other !== undefined) outdated.add(isNewer ? other.id : id);
      }
    }
    return outdated;
  }

  /** Writes all rows; returns the last commit. */
  *write(out: SegmentWriter, schema: TableSchema): Generator<undefined, number> {
    const outdated = this.#outdated();
    const rows = new RowWriter(out, schema.fields);
    const lose: Lose = (error, first, last) => this.#lose(problemOf(error), first, last);
    for (const { id, row } of this.#rows(lose)) {
      if (outdated.has(id)) {
        const reason = "rows that a lost commit changed or deleted contradict newer ones";
        this.#lose({ ...this.#missing[0]!, reason }, id, id);
        continue;
      }
      this.count++;
      if (rows.add(id, row)) yield* rows.flush();
    }
    yield* rows.flush();
    yield* writeIndexes(out, schema);
    out.finish({ schema, nextId: this.#nextId, sequence: this.#sequence });
    return this.#sequence;
  }

  // ------------------------------------------------------------- losses

  #lose({ file, offset, reason }: Problem, first: number, last: number): void {
    const key = `${file}:${offset}:${reason}`;
    let loss = this.#losses.get(key);
    if (loss === undefined) this.#losses.set(key, loss = { file, offset, reason, ids: [] });
    const range = loss.ids.at(-1);
    if (range !== undefined && range[1] === first - 1) range[1] = last;
    else loss.ids.push([first, last]);
  }

  /** All losses. */
  lost(): Loss[] {
    const { segment, unusable } = this.#found;
    const missing = this.#missing.map(({ file, offset, reason, unread }) => {
      const others = unread === 0
        ? ""
        : `, and ${commits(unread)} after it cannot be read, as the fields may have changed`;
      return { file, offset, reason: reason + others, ids: null };
    });
    if (missing.length > 0 && segment !== undefined && unusable !== undefined) {
      missing.push({
        ...unusable,
        reason: `${unusable.reason}, an older segment was used`,
        ids: null,
      });
    }
    return [...missing, ...this.#losses.values()];
  }

  /** The ids in a range that no commit wrote or deleted. */
  #unlogged(first: number, last: number): [first: number, last: number][] {
    const ranges: [number, number][] = [];
    let at = firstWhere(0, this.#ids.length, (i) => this.#ids[i]! >= first);
    for (; at < this.#ids.length && this.#ids[at]! <= last; at++) {
      const id = this.#ids[at]!;
      if (id > first) ranges.push([first, id - 1]);
      first = id + 1;
    }
    if (first <= last) ranges.push([first, last]);
    return ranges;
  }
}

function commits(n: number): string {
  return n === 1 ? "1 commit" : `${n} commits`;
}
