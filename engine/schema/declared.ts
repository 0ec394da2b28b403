/**
 * The fields that a handle was created or opened with. The types of its user come from them, so
 * that the handle refuses work once the table has one of them no more, or with another type.
 *
 * Names and types count, as they do when a schema is compared on opening. Fields that others add do
 * not matter, nor do options and defaults: what these forbid is refused where it is written.
 *
 * @module
 */

import { SchemaError } from "../system/errors.ts";
import type { FieldDef } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";

/** What one handle counts on; it never changes: a change of the handle's own makes another. */
export class Declared {
  readonly #fields: readonly FieldDef[];
  /** The schema that was found to have them all: each look at the table asks for it. */
  #fits: TableSchema | undefined;

  /** @param fields The fields; where links lead is written as the table writes it. */
  constructor(fields: readonly FieldDef[]) {
    this.#fields = fields;
  }

  /**
   * Throws SchemaError if a field is gone or has another type.
   *
   * @param schema What the table has now.
   * @param dir Where the table is.
   */
  check(schema: TableSchema, dir: string): void {
    if (schema === this.#fits) return;
    for (const field of this.#fields) {
      const difference = schema.typeDifference(field);
      if (difference === undefined) continue;
      const names = schema.fields.map(({ name }) => name).join(", ");
      throw new SchemaError(
        `Cannot use "${dir}": its fields were changed since this handle was opened: ` +
          `${difference}, the fields are ${names}; open it again with the schema that it has now`,
      );
    }
    this.#fits = schema;
  }

  /** What the handle counts on after its own schema verb: the type that the verb returns. */
  follow(before: TableSchema, after: TableSchema): Declared {
    if (after === before) return this;
    const counts = new Set(this.#fields.map(({ name }) => name));
    // A field that has no name in it is one that the handle adds.
    const names = new Map(before.fields.map(({ number, name }) => [number, name]));
    return new Declared(after.fields.filter(({ number }) => {
      const name = names.get(number);
      return name === undefined || counts.has(name);
    }));
  }
}
