/**
 * The commands that read a table.
 *
 * @module
 */

import { countOf, exactly, pathAnd } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { whereOf } from "../call/conditions.ts";
import {
  columnOf,
  columnsOf,
  fieldOf,
  META,
  OPTIONS,
  optionsOf,
  textColumn,
} from "../call/fields.ts";
import { READ, withBase } from "../call/open.ts";
import { safeJson } from "../../engine/system/printable.ts";
import { formOf, type Record, writeRecord, writeRows } from "../formats/write_rows.ts";
import { Fault, UsageError } from "../process/errors.ts";
import { counted, say } from "../process/io.ts";

/** `psbase get` */
export async function get(call: Call): Promise<void> {
  const [path, id] = exactly(call.words, "PATH", "ID");
  if (!/^-?\d+$/.test(id)) throw new UsageError(`${JSON.stringify(id)} is not an id`);
  const { stdout } = call.io;
  const form = formOf(call, stdout);
  await withBase(call, path, READ, (base) => {
    const row: Record | undefined = base.get(Number(id));
    if (row === undefined) throw new Fault(`Cannot get row ${id} of "${path}": it is not there`);
    writeRecord(stdout, form, [META[0]!, ...columnsOf(base.schema)], row);
  });
}

/** `psbase select` */
export async function select(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  const { io, values } = call;
  const form = formOf(call, io.stdout);
  const limit = countOf(call, "limit") ?? Infinity;
  const offset = countOf(call, "offset") ?? 0;
  await withBase(call, path, READ, (base) => {
    const { schema } = base;
    const where = whereOf(schema, conditions);
    const wanted = values.fields?.split(",");
    const twice = wanted?.find((name, i) => wanted.indexOf(name) < i);
    // JSON and CSV would have two members or columns with one name.
    if (twice !== undefined) throw new UsageError(`--fields: "${twice}" is given twice`);
    const columns = wanted?.map((name) => columnOf(schema, name)) ??
      [META[0]!, ...columnsOf(schema)];
    const orderBy = values.sort?.split(",");
    orderBy?.forEach((term) => columnOf(schema, term.replace(/^[+-]/, "")));
    if (call.flags.has("count")) {
      const count = Math.max(0, Math.min(limit, base.count(where) - offset));
      return io.stdout.write(`${count}\n`);
    }
    const fields = columns.map(({ name }) => name).filter((name) => Object.hasOwn(schema, name));
    const rows: Record[] = base.select(where, { fields, orderBy, limit, offset });
    writeRows(io.stdout, form, columns, rows);
    if (form === "table") say(io, counted(rows.length, "row"));
  });
}

/** `psbase count` */
export async function count(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  await withBase(call, path, READ, (base) => {
    call.io.stdout.write(`${base.count(whereOf(base.schema, conditions))}\n`);
  });
}

/** `psbase info` */
export async function info(call: Call): Promise<void> {
  const [path] = exactly(call.words, "PATH");
  const { stdout } = call.io;
  const form = formOf(call, stdout);
  await withBase(call, path, READ, (base) => {
    const stats = base.stats();
    const fields = columnsOf(base.schema).map(({ name, type }) => {
      const field = fieldOf(base.schema, name);
      const { type: given, default: value = null } = field;
      const to = typeof given === "object" && "link" in given ? given.link : undefined;
      return {
        name,
        type: to === undefined ? type.name : `link=${to}`,
        ...Object.fromEntries(OPTIONS.map((option) => [option, field[option] ?? false])),
        default: value === null ? null : type.toJson(value),
      };
    });
    if (form !== "table") {
      const indent = form === "json" ? 2 : undefined;
      const json = JSON.stringify({ path, ...stats, fields }, null, indent);
      return stdout.write(safeJson(json) + "\n");
    }
    const { recovered: _, ...figures } = stats;
    const shown = Object.entries({ path, ...figures }).map(([name, value]) => [name, `${value}`]);
    writeRecord(stdout, form, shown.map(([name]) => textColumn(name!)), Object.fromEntries(shown));
    stdout.write("\n");
    const rows = fields.map((field) => ({
      ...field,
      options: optionsOf(fieldOf(base.schema, field.name)).join(" ") || null,
      default: field.default === null ? null : JSON.stringify(field.default),
    }));
    writeRows(stdout, form, ["name", "type", "options", "default"].map(textColumn), rows);
  });
}
