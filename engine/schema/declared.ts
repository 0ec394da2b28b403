/**
 * The fields that a handle was created or opened with. The user's types come from them, so the
 * handle refuses to work once the table lacks one of these fields or has it with another type.
 *
 * Only names and types count. New fields do no harm, and a write that breaks an option is refused
 * when it happens.
 *
 * @module
 */

import { SchemaError } from "../system/errors.ts";
import type { FieldDef } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";

/** The fields that one handle relies on. Immutable: {@linkcode Declared.follow} makes another. */
export class Declared {
  readonly #fields: readonly FieldDef[];
  /** The last schema that passed the check, which runs at every read. */
  #fits: TableSchema | undefined;

  /** @param fields The fields, with the targets of links in the table's own form. */
  constructor(fields: readonly FieldDef[]) {
    this.#fields = fields;
  }

  /** Throws SchemaError if a field is missing or has another type. */
  check(schema: TableSchema, dir: string): void {
    if (schema === this.#fits) return;
    for (const field of this.#fields) {
      const difference = schema.typeDifference(field);
      if (difference === undefined) continue;
      const names = schema.fields.map(({ name }) => name).join(", ");
      throw new SchemaError(
        `Cannot use "${dir}": its fields have changed since this handle was opened: ` +
          `${difference}, the fields are ${names}; open it again with the current schema`,
      );
    }
    this.#fits = schema;
  }

  /** The fields after a schema verb of the handle itself, as in the type that the verb returns. */
  follow(before: TableSchema, after: TableSchema): Declared {
    if (after === before) return this;
    const declared = new Set(this.#fields.map(({ name }) => name));
    const names = new Map(before.fields.map(({ number, name }) => [number, name]));
    return new Declared(after.fields.filter(({ number }) => {
      const name = names.get(number);
      // A number that is new is the field that this verb adds.
      return name === undefined || declared.has(name);
    }));
  }
}
