/**
 * A change as JSON, with values as `export` writes them.
 *
 * @module
 */

import type { Change, Schema } from "../engine/schema/types.ts";
import { VALUE_TYPES } from "../engine/schema/values.ts";
import { safeJson } from "../engine/system/printable.ts";

/** JSON of a change. Its rows have the fields of that time. */
export function changeJson({ kind, id, row, before }: Change<Schema>): string {
  return safeJson(JSON.stringify({ kind, id, row, before }, plain));
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === "number") return VALUE_TYPES.float.toJson(value);
  if (typeof value === "bigint") return VALUE_TYPES.bigint.toJson(value);
  return value instanceof Uint8Array ? VALUE_TYPES.bytes.toJson(value) : value;
}
