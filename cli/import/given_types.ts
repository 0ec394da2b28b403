/**
 * The option `--types` of `psbase import`.
 *
 * @module
 */

import type { FieldSpec } from "../../mod.ts";
import { pairsOf } from "../call/args.ts";
import { specOf } from "../call/fields.ts";
import { fieldName, noColumn } from "./field_names.ts";

/** The type of a column: as it was written, and as a field. */
interface GivenType {
  readonly text: string;
  readonly spec: FieldSpec;
}

/** The types of `--types`, by the name of a column, or of the field that it becomes. */
export class GivenTypes {
  readonly #types = new Map<string, GivenType>();

  constructor(text: string | undefined) {
    for (const [name, type] of pairsOf("types", text, "name=type")) {
      this.#types.set(name, { text: type, spec: specOf(`${fieldName(name)}:${type}`)[1] });
    }
  }

  /** Takes the type of a column out of the rest. */
  take(column: string | null, field: string): GivenType | undefined {
    const alike = this.#types.keys().find((name) => fieldName(name) === field);
    for (const name of [column, field, alike]) {
      const type = this.#types.get(name ?? "");
      if (type !== undefined) {
        this.#types.delete(name!);
        return type;
      }
    }
    return undefined;
  }

  /** Throws Fault if a type is left, because there is no such column. */
  checkAll(columns: readonly (string | null)[]): void {
    const [unknown] = this.#types.keys();
    if (unknown !== undefined) throw noColumn("--types", unknown, columns);
  }
}
