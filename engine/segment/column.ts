/**
 * Columns: the values of one field in one row group. A column evaluates predicates on its encoded
 * bytes. `rows` arguments are selection vectors: ascending row indexes, overwritten in place.
 *
 * ```text
 * number      numbers
 * bigint      64-bit words
 * datetime    days as numbers, nanoseconds as numbers
 * plain       blobs, one per row
 * dictionary  codes as numbers, each different text once as blobs
 * null        nothing: every row is null
 * nulls       one bit per row, 1 = null; left out if no row is null
 * ```
 *
 * @module
 */

import { Blobs, type BlobsMeta } from "./blobs.ts";
import { isObject } from "../system/check.ts";
import { joinDateTime, joinNanoseconds, splitDateTime } from "../schema/civil.ts";
import { firstWhere } from "../system/bisect.ts";
import { CorruptionError } from "../system/errors.ts";
import { type KeyRange, type Predicate, samePredicate } from "../schema/predicate.ts";
import { isIntegerIn, type NumberRange, Numbers, type NumbersMeta, selectAll } from "./numbers.ts";
import { checkPart, type Source, viewWords } from "./parts.ts";
import type { JsonValue } from "../schema/types.ts";
import {
  compareNumbers,
  equalityKey,
  type Stored,
  VALUE_TYPES,
  type ValueType,
} from "../schema/values.ts";

/** How a file describes a column. */
export type ColumnMeta =
  & {
    readonly nulls?: number;
    /** The zone map of short texts and bigints, as JSON. */
    readonly bounds?: readonly [least: JsonValue, greatest: JsonValue];
  }
  & (
    | { readonly kind: "null" }
    | { readonly kind: "number"; readonly numbers: NumbersMeta }
    | { readonly kind: "bigint"; readonly at: number }
    | { readonly kind: "datetime"; readonly days: NumbersMeta; readonly nanos: NumbersMeta }
    | { readonly kind: "plain"; readonly blobs: BlobsMeta }
    | { readonly kind: "dictionary"; readonly codes: NumbersMeta; readonly blobs: BlobsMeta }
  );

/** After this many reads of single values, the whole column is loaded. */
export const MANY_GETS = 32;

/** A search result is cached if it has at most 1/4 of the rows. Larger results save little time. */
const CACHED_FRACTION = 4;

/**
 * The values of one field in one row group. If the column cannot be loaded as a whole, it works
 * value by value, so a damaged value harms no other.
 */
export abstract class Column {
  readonly #source: Source;
  readonly #nullsAt: number | undefined;
  readonly #rows: number;
  /** Present once the column is loaded, if it has nulls. */
  #nulls: Uint8Array | undefined;
  #loaded = false;
  #damage: CorruptionError | undefined;
  #gets = 0;
  /** The last search result. After a count, callers often want the rows or a sum over them. */
  #found: { readonly predicate: Predicate; readonly rows: Uint32Array } | undefined;

  constructor(source: Source, nulls: number | undefined, rows: number) {
    this.#source = source;
    this.#nullsAt = nulls;
    this.#rows = rows;
    if (nulls !== undefined) checkPart(source, 1, nulls, Math.ceil(rows / 8));
  }

  /** {@linkcode Column.get} for a row that is not null. */
  protected abstract value(i: number): Stored;
  /** {@linkcode Column.copy} for a row that is not null. */
  protected copyValue(i: number): Stored {
    return this.value(i);
  }
  /** {@linkcode Column.sortKey} for a row that is not null. */
  protected sortValue(i: number): Stored {
    return this.value(i);
  }
  /** {@linkcode Column.compare} for a row that is not null. */
  protected compareValue(i: number, other: Stored, type: ValueType): number {
    return type.compare(this.value(i), other);
  }
  /** Loads the encoded values. */
  protected abstract loadValues(): void;

  /** Whether some rows are null. */
  protected get hasNulls(): boolean {
    return this.#nullsAt !== undefined;
  }

  /** Whether a row is null. */
  protected isNull(i: number): boolean {
    if (this.#nullsAt === undefined) return false;
    const at = this.#nullsAt + (i >> 3);
    const byte = this.#nulls?.[i >> 3] ?? this.#source.read(at, at + 1)[0]!;
    return (byte & (1 << (i & 7))) !== 0;
  }

  /** The value of a row. */
  get(i: number): Stored | null {
    this.#countGet();
    return this.isNull(i) ? null : this.value(i);
  }

  /** A copy of the value of a row, which keeps no other part of the column in memory. */
  copy(i: number): Stored | null {
    this.#countGet();
    return this.isNull(i) ? null : this.copyValue(i);
  }

  /** Compares the value of a row with another of its type; `undefined` if it is null. */
  compare(i: number, other: Stored, type: ValueType): number | undefined {
    this.#countGet();
    return this.isNull(i) ? undefined : this.compareValue(i, other, type);
  }

  /** What a row is sorted by: its value, of a datetime its nanoseconds from 1970. */
  sortKey(i: number): Stored | null {
    this.#countGet();
    return this.isNull(i) ? null : this.sortValue(i);
  }

  #countGet(): void {
    // After this many reads, more are likely.
    if (!this.#loaded && this.#gets++ === MANY_GETS) this.load();
  }

  /** Loads the whole column; returns whether it could. */
  load(): boolean {
    if (this.#loaded || this.#damage !== undefined) return this.#loaded;
    this.#gets = MANY_GETS + 1;
    try {
      if (this.#nullsAt !== undefined) {
        const length = Math.ceil(this.#rows / 8);
        this.#nulls = this.#source.read(this.#nullsAt, this.#nullsAt + length);
      }
      this.loadValues();
      this.#loaded = true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#damage = error;
    }
    return this.#loaded;
  }

  /** The reason why the whole column cannot be loaded. */
  get damage(): CorruptionError | undefined {
    return this.load() ? undefined : this.#damage;
  }

  /** Puts the number of each row into `into`, NaN for any other value; returns whether it could. */
  numbers(into: Float64Array): boolean {
    into.fill(NaN);
    return this.load();
  }

  /** Whether the zone map rules out that any row matches. It reads no values. */
  canPrune(_predicate: Predicate): boolean {
    return false;
  }

  /**
   * Selects the matching rows that are live and returns how many they are. `live` keeps the live
   * rows of the first `n`. It runs before the column reads a value that may be damaged.
   */
  find(predicate: Predicate, rows: Uint32Array, live: (n: number) => number): number {
    return this.load()
      ? live(this.#findAll(predicate, rows))
      : this.select(predicate, rows, live(selectAll(rows)));
  }

  #findAll(predicate: Predicate, rows: Uint32Array): number {
    if (this.#found !== undefined && samePredicate(this.#found.predicate, predicate)) {
      rows.set(this.#found.rows);
      return this.#found.rows.length;
    }
    const n = this.search(predicate, rows);
    if (n * CACHED_FRACTION <= rows.length) {
      this.#source.charge((n - (this.#found?.rows.length ?? 0)) * rows.BYTES_PER_ELEMENT);
      this.#found = { predicate, rows: rows.slice(0, n) };
    }
    return n;
  }

  /** Selects the matching rows, live or not. The column must be loaded. */
  protected search(predicate: Predicate, rows: Uint32Array): number {
    return this.select(predicate, rows, selectAll(rows));
  }

  /** Selects the matching rows of `rows[0, n)` and returns how many they are. */
  select(predicate: Predicate, rows: Uint32Array, n: number): number {
    if (n > MANY_GETS) this.load();
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      const value = this.get(row);
      if (value === null ? predicate.nulls : predicate.test(value)) rows[kept++] = row;
    }
    return kept;
  }

  /** Selects the rows of `rows[0, n)` that are not null. The column must be loaded. */
  protected selectPresent(rows: Uint32Array, n: number): number {
    if (this.#nulls === undefined) return n;
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      rows[kept] = row;
      kept += 1 - ((this.#nulls[row >> 3]! >> (row & 7)) & 1);
    }
    return kept;
  }

  /**
   * For numbers: puts the values of rows that are not null into `out`; returns how many they are.
   */
  gather(rows: Uint32Array, out: Float64Array): number {
    let n = 0;
    for (const row of rows) {
      const value = this.get(row);
      if (value !== null) out[n++] = value as number;
    }
    return n;
  }

  /** For numbers: the zone map, if it is known. */
  get zoneMap(): readonly [min: number, max: number] | undefined {
    return undefined;
  }

  /** The values of rows, without null. A repeated value may appear once. */
  values(rows: Uint32Array): Stored[] {
    const values: Stored[] = [];
    for (const row of rows) {
      const value = this.get(row);
      if (value !== null) values.push(value);
    }
    return values;
  }

  /** The different values of rows; `classes` gets the index among them for each row. */
  classify(rows: Uint32Array, classes: Uint32Array): (Stored | null)[] {
    const known = new Map<unknown, number>();
    const values: (Stored | null)[] = [];
    for (let k = 0; k < rows.length; k++) {
      const value = this.get(rows[k]!);
      const key = equalityKey(value);
      let at = known.get(key);
      if (at === undefined) {
        known.set(key, at = values.length);
        values.push(value);
      }
      classes[k] = at;
    }
    return values;
  }

  /** {@linkcode Column.classify} for values that are represented by codes below `count`. */
  protected classifyCodes(
    codes: Uint32Array,
    count: number,
    value: (code: number) => Stored,
    rows: Uint32Array,
    classes: Uint32Array,
  ): (Stored | null)[] {
    // Null is 0 here, and code c is c + 1. For each: its class, plus one.
    const known = new Uint32Array(count + 1);
    const found = new Uint32Array(count + 1);
    const { hasNulls } = this;
    let n = 0;
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k]!;
      const code = hasNulls && this.isNull(row) ? 0 : codes[row]! + 1;
      let at = known[code];
      if (!at) {
        // In a damaged column, it has no value: this throws.
        if (code > count) value(code - 1);
        found[n++] = code;
        at = known[code] = n;
      }
      classes[k] = at - 1;
    }
    return Array.from(found.subarray(0, n), (code) => code === 0 ? null : value(code - 1));
  }
}

/** One value for all rows: the field is newer than the group, or all values are null. */
class ConstantColumn extends Column {
  readonly #value: Stored | null;

  constructor(source: Source, value: Stored | null) {
    super(source, undefined, 0);
    this.#value = value;
  }

  protected override value(): Stored {
    return this.#value!;
  }

  override get(): Stored | null {
    return this.#value;
  }

  override copy(): Stored | null {
    return this.#value;
  }

  override sortKey(): Stored | null {
    return this.#value;
  }

  override compare(_i: number, other: Stored, type: ValueType): number | undefined {
    return this.#value === null ? undefined : type.compare(this.#value, other);
  }

  protected override loadValues(): void {}

  override numbers(into: Float64Array): boolean {
    into.fill(typeof this.#value === "number" ? this.#value : NaN);
    return true;
  }

  override canPrune(predicate: Predicate): boolean {
    return !(this.#value === null ? predicate.nulls : predicate.test(this.#value));
  }

  override select(predicate: Predicate, _rows: Uint32Array, n: number): number {
    return this.canPrune(predicate) ? 0 : n;
  }
}

class NumberColumn extends Column {
  readonly #numbers: Numbers;
  readonly #min: number;
  readonly #max: number;
  /** Whether all numbers are finite. */
  readonly #finite: boolean;
  /** Whether the zone map consists of possible values. A file may claim any numbers. */
  readonly #areValues: boolean;
  readonly #source: Source;

  constructor(
    source: Source,
    meta: ColumnMeta & { kind: "number" },
    rows: number,
    range: NumberRange | undefined,
  ) {
    super(source, meta.nulls, rows);
    this.#numbers = new Numbers(source, meta.numbers, rows, range);
    this.#finite = meta.numbers.min !== undefined;
    this.#min = meta.numbers.min ?? -Infinity;
    this.#max = meta.numbers.max ?? Infinity;
    this.#areValues = !this.#finite || range === undefined ||
      (isIntegerIn(range, this.#min) && isIntegerIn(range, this.#max));
    this.#source = source;
  }

  protected override value(i: number): number {
    return this.#numbers.get(i);
  }

  /** An override for speed: V8 would box a number passed as one of several types. */
  protected override compareValue(i: number, other: Stored): number {
    return compareNumbers(this.#numbers.peek(i), other as number);
  }

  protected override loadValues(): void {
    if (!this.#areValues) this.#source.fail(0, "the zone map of numbers is out of range");
    this.#numbers.load();
  }

  override numbers(into: Float64Array): boolean {
    if (!this.load()) return false;
    into.set(this.#numbers.all());
    for (let i = 0; this.hasNulls && i < into.length; i++) if (this.isNull(i)) into[i] = NaN;
    return true;
  }

  override canPrune({ keyRanges, nulls }: Predicate): boolean {
    if (keyRanges === undefined || (nulls && this.hasNulls)) return false;
    const ranges = keyRanges as readonly { low?: number; high?: number }[];
    const first = firstWhere(0, ranges.length, (i) => !(ranges[i]!.high! < this.#min));
    return first === ranges.length || ranges[first]!.low! > this.#max;
  }

  /** The range of the matching numbers, if the rows in it are exactly the matching rows. */
  #rangeOf({ range, nan, nulls }: Predicate): readonly [number, number] | undefined {
    return (nulls && this.hasNulls) || (nan && !this.#finite) ? undefined : range;
  }

  /** Whether all numbers are in a range. */
  #areAllIn(low: number, high: number): boolean {
    return this.#finite && low <= this.#min && high >= this.#max;
  }

  protected override search(predicate: Predicate, rows: Uint32Array): number {
    const range = this.#rangeOf(predicate);
    if (range === undefined) return super.search(predicate, rows);
    if (this.canPrune(predicate)) return 0;
    const [low, high] = range;
    const n = this.#areAllIn(low, high) ? selectAll(rows) : this.#numbers.find(low, high, rows);
    return this.selectPresent(rows, n);
  }

  override select(predicate: Predicate, rows: Uint32Array, n: number): number {
    const range = this.#rangeOf(predicate);
    if (range === undefined || !this.#numbers.favorsLoop(n)) {
      return super.select(predicate, rows, n);
    }
    if (this.canPrune(predicate)) return 0;
    if (!this.load()) return super.select(predicate, rows, n);
    const [low, high] = range;
    const kept = this.#areAllIn(low, high) ? n : this.#numbers.select(low, high, rows, n);
    return this.selectPresent(rows, kept);
  }

  override gather(rows: Uint32Array, out: Float64Array): number {
    if (!this.load()) return super.gather(rows, out);
    if (this.hasNulls) {
      rows = rows.slice();
      rows = rows.subarray(0, this.selectPresent(rows, rows.length));
    }
    this.#numbers.gather(rows, out);
    return rows.length;
  }

  override get zoneMap(): readonly [number, number] | undefined {
    return this.#finite && this.#areValues ? [this.#min, this.#max] : undefined;
  }

  override classify(rows: Uint32Array, classes: Uint32Array): (Stored | null)[] {
    const { base, areWords } = this.#numbers;
    const count = this.#max - base + 1;
    const isDense = areWords && count <= rows.length * 4;
    if (!isDense || !this.load()) return super.classify(rows, classes);
    const value = (word: number) => base + word;
    return this.classifyCodes(this.#numbers.wide(), count, value, rows, classes);
  }
}

class BigintColumn extends Column {
  readonly #source: Source;
  readonly #at: number;
  readonly #count: number;
  /** Present once the column is loaded. */
  #words: BigInt64Array | undefined;

  constructor(source: Source, meta: ColumnMeta & { kind: "bigint" }, rows: number) {
    super(source, meta.nulls, rows);
    this.#source = source;
    this.#at = meta.at;
    this.#count = rows;
    checkPart(source, 8, meta.at, rows);
  }

  protected override value(i: number): bigint {
    return this.#words?.[i] ?? viewWords(this.#source, BigInt64Array, 8, this.#at + i * 8, 1)[0]!;
  }

  protected override loadValues(): void {
    this.#words = viewWords(this.#source, BigInt64Array, 8, this.#at, this.#count);
  }
}

/** Key ranges of datetimes, split into days and nanoseconds, with both ends included. */
interface DateTimeRanges {
  readonly lowDays: Float64Array;
  readonly lowNanos: Float64Array;
  readonly highDays: Float64Array;
  readonly highNanos: Float64Array;
}

/** All row groups get the same ranges. */
const splitCache = new WeakMap<readonly KeyRange[], DateTimeRanges>();

function dateTimeRanges(keyRanges: readonly KeyRange[]): DateTimeRanges {
  let ranges = splitCache.get(keyRanges);
  if (ranges === undefined) splitCache.set(keyRanges, ranges = splitRanges(keyRanges));
  return ranges;
}

function splitRanges(keyRanges: readonly KeyRange[]): DateTimeRanges {
  const numbers = () => new Float64Array(keyRanges.length);
  const ranges = {
    lowDays: numbers().fill(-Infinity),
    lowNanos: numbers(),
    highDays: numbers().fill(Infinity),
    highNanos: numbers(),
  };
  keyRanges.forEach(({ low, high, lowOpen, highOpen }, i) => {
    if (low !== undefined) {
      const [days, nanos] = splitDateTime(low as Temporal.PlainDateTime);
      ranges.lowDays[i] = days;
      ranges.lowNanos[i] = nanos + (lowOpen ? 1 : 0);
    }
    if (high !== undefined) {
      const [days, nanos] = splitDateTime(high as Temporal.PlainDateTime);
      ranges.highDays[i] = days;
      ranges.highNanos[i] = nanos - (highOpen ? 1 : 0);
    }
  });
  return ranges;
}

/** Whether a datetime is in one of the ascending ranges. */
function isInRanges(ranges: DateTimeRanges, days: number, nanos: number): boolean {
  const { lowDays, lowNanos, highDays, highNanos } = ranges;
  // Find the first range that does not end before. This runs for each row, and `firstWhere` would
  // make it 5 to 10 % slower.
  let first = 0;
  let end = highDays.length;
  while (first < end) {
    const middle = (first + end) >>> 1;
    const high = highDays[middle]!;
    if (high < days || (high === days && highNanos[middle]! < nanos)) first = middle + 1;
    else end = middle;
  }
  if (first === highDays.length) return false;
  const low = lowDays[first]!;
  return low < days || (low === days && lowNanos[first]! <= nanos);
}

class DateTimeColumn extends Column {
  readonly #source: Source;
  readonly #meta: ColumnMeta & { kind: "datetime" };
  readonly #days: Numbers;
  readonly #nanos: Numbers;

  constructor(source: Source, meta: ColumnMeta & { kind: "datetime" }, rows: number) {
    super(source, meta.nulls, rows);
    this.#source = source;
    this.#meta = meta;
    this.#days = new Numbers(source, meta.days, rows, VALUE_TYPES.date.range);
    this.#nanos = new Numbers(source, meta.nanos, rows, VALUE_TYPES.time.range);
  }

  /** It uses the zone map of the days. */
  override canPrune({ nulls, keyRanges }: Predicate): boolean {
    if (keyRanges === undefined || (nulls && this.hasNulls)) return false;
    const { min = -Infinity, max = Infinity } = this.#meta.days;
    const { lowDays, highDays } = dateTimeRanges(keyRanges);
    const first = firstWhere(0, keyRanges.length, (i) => highDays[i]! >= min);
    return first === keyRanges.length || lowDays[first]! > max;
  }

  /** Compares numbers: creating values would be the slowest step. */
  override select(predicate: Predicate, rows: Uint32Array, n: number): number {
    const { keyRanges } = predicate;
    const isNumeric = keyRanges !== undefined && n >= MANY_GETS &&
      !(predicate.nulls && this.hasNulls);
    if (!isNumeric || !this.load()) return super.select(predicate, rows, n);
    const ranges = dateTimeRanges(keyRanges);
    const days = this.#days.all();
    const nanos = this.#nanos.all();
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      if (isInRanges(ranges, days[row]!, nanos[row]!)) rows[kept++] = row;
    }
    return this.selectPresent(rows, kept);
  }

  protected override value(i: number): Temporal.PlainDateTime {
    try {
      return joinDateTime(this.#days.get(i), this.#nanos.get(i));
    } catch (error) {
      if (error instanceof RangeError) this.#source.fail(0, "a datetime is out of range");
      throw error;
    }
  }

  /** Creating values would be the slowest step. */
  protected override sortValue(i: number): bigint {
    return joinNanoseconds(this.#days.get(i), this.#nanos.get(i));
  }

  protected override loadValues(): void {
    this.#days.load();
    this.#nanos.load();
  }
}

class PlainColumn extends Column {
  readonly #blobs: Blobs;
  readonly #isText: boolean;

  constructor(source: Source, meta: ColumnMeta & { kind: "plain" }, rows: number, text: boolean) {
    super(source, meta.nulls, rows);
    this.#blobs = new Blobs(source, meta.blobs);
    if (this.#blobs.count !== rows) source.fail(0, "a column does not have one value per row");
    this.#isText = text;
  }

  protected override value(i: number): string | Uint8Array {
    return this.#isText ? this.#blobs.text(i) : this.#blobs.bytes(i);
  }

  protected override copyValue(i: number): string | Uint8Array {
    return this.#isText ? this.#blobs.copyText(i) : this.#blobs.bytes(i).slice();
  }

  protected override compareValue(i: number, other: Stored, type: ValueType): number {
    return this.#isText
      ? this.#blobs.compareText(i, other as string)
      : super.compareValue(i, other, type);
  }

  protected override loadValues(): void {
    this.#blobs.load();
  }

  protected override search(predicate: Predicate, rows: Uint32Array): number {
    if (predicate.text === undefined || predicate.nulls) return super.search(predicate, rows);
    return this.selectPresent(rows, this.#blobs.find(predicate.text, rows));
  }

  override select(predicate: Predicate, rows: Uint32Array, n: number): number {
    const isText = predicate.text !== undefined && !predicate.nulls && n > MANY_GETS;
    if (!isText || !this.load()) return super.select(predicate, rows, n);
    return this.selectPresent(rows, this.#blobs.select(predicate.text, rows, n));
  }
}

class DictionaryColumn extends Column {
  readonly #codes: Numbers;
  readonly #blobs: Blobs;
  readonly #entries: (string | undefined)[];

  constructor(source: Source, meta: ColumnMeta & { kind: "dictionary" }, rows: number) {
    super(source, meta.nulls, rows);
    this.#blobs = new Blobs(source, meta.blobs);
    // The codes have no range: reading the text of a code checks it.
    this.#codes = new Numbers(source, meta.codes, rows, undefined);
    if (this.#blobs.count > rows) source.fail(0, "a column has more different values than rows");
    if (this.#codes.base !== 0 || !this.#codes.areWords) {
      source.fail(0, "codes are not plain words");
    }
    this.#entries = new Array(meta.blobs.count);
  }

  #entry(code: number): string {
    return this.#entries[code] ??= this.#blobs.text(code);
  }

  protected override value(i: number): string {
    return this.#entry(this.#codes.get(i));
  }

  protected override copyValue(i: number): string {
    return this.#blobs.copyText(this.#codes.get(i));
  }

  protected override compareValue(i: number, other: Stored): number {
    return this.#blobs.compareText(this.#codes.get(i), other as string);
  }

  protected override loadValues(): void {
    this.#codes.load();
    this.#blobs.load();
  }

  /** The codes of the matching texts. Each different text is tested once. */
  #matching(predicate: Predicate): Uint32Array {
    const codes = new Uint32Array(this.#entries.length);
    if (predicate.text !== undefined) {
      return codes.subarray(0, this.#blobs.find(predicate.text, codes));
    }
    let n = 0;
    for (let code = 0; code < codes.length; code++) {
      if (predicate.test(this.#entry(code))) codes[n++] = code;
    }
    return codes.subarray(0, n);
  }

  protected override search(predicate: Predicate, rows: Uint32Array): number {
    if (predicate.nulls && this.hasNulls) return super.search(predicate, rows);
    const codes = this.#matching(predicate);
    const n = codes.length === 1
      ? this.#codes.find(codes[0]!, codes[0]!, rows)
      : this.#selectCodes(codes, rows, selectAll(rows));
    return this.selectPresent(rows, n);
  }

  override select(predicate: Predicate, rows: Uint32Array, n: number): number {
    const comparesCodes = this.#codes.favorsLoop(n) && !(predicate.nulls && this.hasNulls);
    if (!comparesCodes || !this.load()) return super.select(predicate, rows, n);
    return this.selectPresent(rows, this.#selectCodes(this.#matching(predicate), rows, n));
  }

  #selectCodes(wanted: Uint32Array, rows: Uint32Array, n: number): number {
    if (wanted.length === 0) return 0;
    const hits = new Uint8Array(this.#entries.length);
    for (const code of wanted) hits[code] = 1;
    const codes = this.#codes.wide();
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      rows[kept] = row;
      // A code without a text has no hit and matches nothing.
      kept += hits[codes[row]!]! | 0;
    }
    return kept;
  }

  override values(rows: Uint32Array): Stored[] {
    if (rows.length < this.#entries.length) return super.values(rows);
    const values = this.classify(rows, new Uint32Array(rows.length));
    return values.filter((value) => value !== null);
  }

  override classify(rows: Uint32Array, classes: Uint32Array): (Stored | null)[] {
    if (!this.load()) return super.classify(rows, classes);
    const value = (code: number) => this.#entry(code);
    return this.classifyCodes(this.#codes.wide(), this.#entries.length, value, rows, classes);
  }
}

/**
 * Opens the column that `meta` describes. `meta` comes from a file and may be any JSON; without it
 * the column holds `fill` in every row.
 */
export function openColumn(
  source: Source,
  meta: ColumnMeta | undefined,
  type: ValueType,
  rows: number,
  fill: Stored | null,
): Column {
  if (meta === undefined) return new ConstantColumn(source, fill);
  if (!isObject(meta)) source.fail(0, "the description of a column is invalid");
  const text = type.layout === "text";
  switch (meta.kind) {
    case "null":
      return new ConstantColumn(source, null);
    case "number":
      if (type.layout === "number") return new NumberColumn(source, meta, rows, type.range);
      break;
    case "bigint":
      if (type.layout === "bigint") return new BigintColumn(source, meta, rows);
      break;
    case "datetime":
      if (type.layout === "datetime") return new DateTimeColumn(source, meta, rows);
      break;
    case "plain":
      if (text || type.layout === "bytes") return new PlainColumn(source, meta, rows, text);
      break;
    case "dictionary":
      if (text) return new DictionaryColumn(source, meta, rows);
      break;
  }
  return source.fail(0, `a column of this kind cannot hold a ${type.name}`);
}
