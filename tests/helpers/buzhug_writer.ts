/**
 * Bases as Buzhug 1.8 writes them: what each of its verbs does to the bytes of its files. Kept in
 * memory until they are saved, so that a test can damage them.
 *
 * @module
 */

/** A type as Buzhug calls it. */
export type BuzhugType =
  | "int"
  | "float"
  | "str"
  | "unicode"
  | "bool"
  | "date"
  | "datetime"
  | "time"
  | `<base>${string}`;

/** A value; bytes for a `str` that is no UTF-8, the id of a row for a link. */
export type BuzhugValue =
  | number
  | string
  | boolean
  | Uint8Array
  | Temporal.PlainDate
  | Temporal.PlainDateTime
  | Temporal.PlainTime
  | null;

/** Values by field. */
export type BuzhugValues = { readonly [field: string]: BuzhugValue };

const { charCodeAt } = String.prototype;
const byteOf = (char: string) => charCodeAt.call(char, 0);
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

function int32(value: number): number[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value);
  return [...new Uint8Array(view.buffer)];
}

/** As `frexp` of C: `value = mantissa * 2 ** exponent`, the mantissa from 0.5 to below 1. */
function split(value: number): [mantissa: number, exponent: number] {
  if (!Number.isFinite(value)) return [value, 0];
  let [mantissa, exponent] = [value, 0];
  while (Math.abs(mantissa) >= 1) [mantissa, exponent] = [mantissa / 2, exponent + 1];
  while (Math.abs(mantissa) < 0.5) [mantissa, exponent] = [mantissa * 2, exponent - 1];
  return [mantissa, exponent];
}

function float(value: number): number[] {
  if (value === 0) return [128, 0, 0, 0, 0, 0, 0, 0, 0];
  const [mantissa, exponent] = split(value);
  const isPositive = value > 0;
  const view = new DataView(new ArrayBuffer(10));
  view.setFloat64(2, isPositive ? mantissa : 1.1 + mantissa);
  // Over the first byte of the mantissa, which goes.
  const bytes = [...new Uint8Array(view.buffer)].slice(3);
  view.setUint16(0, isPositive ? 49152 + exponent : 16384 - exponent);
  return [view.getUint8(0), view.getUint8(1), ...bytes];
}

function text(value: string | Uint8Array): number[] {
  const bytes = typeof value === "string" ? bytesOf(value) : [...value];
  const escaped = bytes.flatMap((byte) => {
    if (byte === byteOf("\\")) return bytesOf("\\\\");
    if (byte === byteOf("\n")) return bytesOf("\\n");
    return byte === byteOf("\r") ? bytesOf("\\r") : [byte];
  });
  return [...escaped, byteOf("\n")];
}

/** The digits of a date or a time. */
function digits(value: BuzhugValue): number[] {
  return bytesOf(String(value).replace(/\..*/, "").replace(/\D/g, "") + "\n");
}

/** How the blocks of a type are made. */
interface Blocks {
  readonly unset: number[];
  /** Whether Buzhug overwrites one in its place. */
  readonly fixed: boolean;
  write(value: never): number[];
}

const INT: Blocks = { unset: [0, 0, 0, 0], fixed: true, write: (v: number) => int32(v + 2 ** 30) };
const TEXT: Blocks = { unset: [10], fixed: false, write: text };
const BLOCKS: { readonly [type: string]: Blocks } = {
  int: INT,
  str: TEXT,
  unicode: TEXT,
  float: { unset: Array(9).fill(0), fixed: true, write: float },
  bool: { unset: [0], fixed: true, write: (value: boolean) => bytesOf(value ? "1" : "0") },
  date: { unset: bytesOf("xxxxxxxx\n"), fixed: true, write: digits },
  datetime: { unset: bytesOf("xxxxxxxxxxxxxx\n"), fixed: true, write: digits },
  time: { unset: bytesOf("xxxxxx\n"), fixed: true, write: digits },
  link: { unset: [0, 0, 0, 0], fixed: true, write: int32 },
};

function blocksOf(type: BuzhugType): Blocks {
  return BLOCKS[type.startsWith("<base>") ? "link" : type]!;
}

/** A value with its flag, as it stands in a file. */
export function block(type: BuzhugType, value: BuzhugValue): number[] {
  const { unset, write } = blocksOf(type);
  return value === null ? [byteOf("!"), ...unset] : [byteOf("-"), ...write(value as never)];
}

/** A field: name, type, default. */
export type BuzhugSpec = readonly [name: string, type: BuzhugType, standard?: BuzhugValue];

/** A base of Buzhug. */
export class BuzhugWriter {
  /** What is in each file. */
  readonly files = new Map<string, number[]>();
  #fields: BuzhugSpec[] = [["__id__", "int"], ["__version__", "int"]];
  /** Bytes that each field file had where a row begins, by line of `__pos__`; `null`: deleted. */
  #lines: { at: number[]; deleted: boolean }[] = [];
  /** The line of each id. */
  #lineOf: number[] = [];
  /** Lines that may be used again. */
  #free: number[] = [];

  constructor(...fields: BuzhugSpec[]) {
    this.#fields.push(...fields);
    for (const [name] of this.#fields) this.files.set(name, []);
    for (const name of ["__pos__", "_id_pos", "__del_rows__"]) this.files.set(name, []);
    this.#saveInfo();
  }

  #file(name: string): number[] {
    return this.files.get(name)!;
  }

  #saveInfo(): void {
    const words = this.#fields.map(([name, type]) => `${name}:${type}`);
    this.files.set("__info__", bytesOf(words.join(" ")));
    const defaults = this.#fields.slice(2).flatMap(([name, type, standard = null]) => [
      ...bytesOf(`${name} `),
      ...block(type, standard),
    ]);
    this.files.set("__defaults__", defaults);
  }

  /** Writes a line of `__pos__`. */
  #saveLine(number: number): void {
    const { at, deleted } = this.#lines[number]!;
    const line = [byteOf(deleted ? "#" : "-"), ...at.flatMap(int32)];
    this.#overwrite("__pos__", number * line.length, line);
  }

  #saveLines(): void {
    this.files.set("__pos__", []);
    for (const number of this.#lines.keys()) this.#saveLine(number);
  }

  /** Puts a value behind all others of a field; where. */
  #append(name: string, bytes: readonly number[]): number {
    const file = this.#file(name);
    const at = file.length;
    for (const byte of bytes) file.push(byte);
    return at;
  }

  #overwrite(name: string, at: number, bytes: readonly number[]): void {
    bytes.forEach((byte, i) => this.#file(name)[at + i] = byte);
  }

  /** The block that begins there. */
  #blockAt(name: string, type: BuzhugType, at: number): number[] {
    const file = this.#file(name);
    const { unset } = blocksOf(type);
    const length = unset.at(-1) === byteOf("\n") ? file.indexOf(10, at) - at : unset.length;
    return file.slice(at, at + length + 1);
  }

  /** Adds a row; its id. */
  insert(values: BuzhugValues): number {
    const id = this.#lineOf.length;
    const all: BuzhugValues = { ...values, __id__: id, __version__: 0 };
    const at = this.#fields.map(([name, type, standard = null]) => {
      const value = all[name];
      return this.#append(name, block(type, value === undefined ? standard : value));
    });
    const line = this.#free.shift() ?? this.#lines.length;
    this.#lines[line] = { at, deleted: false };
    this.#lineOf.push(line);
    this.#append("_id_pos", block("int", line));
    this.#saveLine(line);
    return id;
  }

  /** Changes a row: in its place if all that changes has a fixed length, else it moves. */
  update(id: number, changes: BuzhugValues): void {
    const number = this.#lineOf[id]!;
    const line = this.#lines[number]!;
    const { at } = line;
    const [, version] = at;
    const old = this.#file("__version__").slice(version, version! + 5);
    const next = new DataView(Uint8Array.from(old).buffer).getInt32(1) - 2 ** 30 + 1;
    const all: BuzhugValues = { ...changes, __version__: next };
    const isFixed = this.#fields.every(([name, type]) =>
      blocksOf(type).fixed || all[name] === undefined
    );
    const blocks = this.#fields.map(([name, type], i) => {
      const value = all[name];
      return value === undefined ? this.#blockAt(name, type, at[i]!) : block(type, value);
    });
    if (isFixed) {
      this.#fields.forEach(([name], i) => this.#overwrite(name, at[i]!, blocks[i]!));
      return;
    }
    line.at = this.#fields.map(([name], i) => this.#append(name, blocks[i]!));
    this.#markDeleted(at);
    this.#saveLine(number);
  }

  #markDeleted(at: readonly number[]): void {
    this.#fields.forEach(([name], i) => this.#overwrite(name, at[i]!, [byteOf("#")]));
    this.#append("__del_rows__", bytesOf(`${at[0]! / 5}\n`));
  }

  /** Deletes a row. */
  delete(id: number): void {
    const number = this.#lineOf[id]!;
    const line = this.#lines[number]!;
    this.#markDeleted(line.at);
    line.deleted = true;
    this.#free.push(number);
    this.#free.sort((a, b) => a - b);
    this.#overwrite("_id_pos", id * 5, [byteOf("#")]);
    this.#saveLine(number);
  }

  /** Copies what is not deleted, in the order of `__pos__`. */
  cleanup(): void {
    const copies = this.#fields.map(() => [] as number[]);
    for (const line of this.#lines) {
      if (line.deleted) continue;
      line.at = this.#fields.map(([name, type], i) => {
        const at = copies[i]!.length;
        copies[i]!.push(...this.#blockAt(name, type, line.at[i]!));
        return at;
      });
    }
    this.#fields.forEach(([name], i) => this.files.set(name, copies[i]!));
    this.files.set("__del_rows__", []);
    this.#saveLines();
  }

  /** Adds a field behind `__version__`, or behind `after`; all rows get its default. */
  addField([name, type, standard = null]: BuzhugSpec, after = "__version__"): void {
    const at = this.#fields.findIndex(([other]) => other === after) + 1;
    this.#fields = this.#fields.toSpliced(at, 0, [name, type, standard]);
    this.files.set(name, []);
    // Deleted lines, too.
    for (const line of this.#lines) {
      line.at = line.at.toSpliced(at, 0, this.#append(name, block(type, standard)));
    }
    this.#saveInfo();
    this.#saveLines();
  }

  /** Drops a field; its file stays. */
  dropField(name: string): void {
    const at = this.#fields.findIndex(([other]) => other === name);
    this.#fields = this.#fields.toSpliced(at, 1);
    for (const line of this.#lines) line.at = line.at.toSpliced(at, 1);
    this.#saveInfo();
    this.#saveLines();
  }

  /** Writes it to a directory. */
  save(dir: string): void {
    Deno.mkdirSync(dir, { recursive: true });
    for (const [name, bytes] of this.files) {
      Deno.writeFileSync(`${dir}/${name}`, Uint8Array.from(bytes));
    }
  }
}
