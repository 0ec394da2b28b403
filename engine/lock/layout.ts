/**
 * The names of all files in the directory of a table, made and parsed here.
 *
 * ```text
 * base             identity and lock; written by create as its last step, by destroy as its first
 * owner            locked by a `Base` for its life; holds notes of long holders
 * cleanup          locked during compaction
 * 000001.table     segment of generation 1: rows, immutable
 * 000001.log       commits since that segment
 * NAME.<nonce>     a file being built, or about to be removed; only its writer knows the nonce
 * ```
 *
 * @module
 */

import { join } from "../system/path.ts";

/** Name of the identity and lock file. */
export const IDENTITY = "base";
/** Name of the lock file of long holders. */
export const OWNER = "owner";
/** Name of the lock file of compaction. */
export const CLEANUP = "cleanup";

const GENERATION_REGEXP = /^(\d{6,10})\.(table|log)(\.[0-9a-f]{16})?$/;
const OURS_REGEXP = /^(?:base(?:\.[0-9a-f]{16})?|owner|cleanup)$/;

/** The files of one generation. */
export interface GenerationPaths {
  /** The segment. */
  readonly segment: string;
  /** The log. */
  readonly log: string;
}

/** The paths of a generation's files. */
export function generationPaths(dir: string, generation: number): GenerationPaths {
  const stem = join(dir, String(generation).padStart(6, "0"));
  return { segment: `${stem}.table`, log: `${stem}.log` };
}

/** `path` with 64 random bits, for a file that is being built. */
export function temporary(path: string, nonce: bigint): string {
  return `${path}.${nonce.toString(16).padStart(16, "0")}`;
}

/** What a name in the directory stands for; `undefined` if psbase made no such file. */
export function parseName(
  name: string,
): { generation: number; kind: "table" | "log"; temporary: boolean } | "other" | undefined {
  if (OURS_REGEXP.test(name)) return "other";
  const match = GENERATION_REGEXP.exec(name);
  if (match === null) return undefined;
  const kind = match[2] === "table" ? "table" : "log";
  return { generation: Number(match[1]), kind, temporary: match[3] !== undefined };
}

/** The generations that have both segment and log among `names`, ascending. */
export function completeGenerations(names: Iterable<string>): number[] {
  const seen = new Map<number, number>();
  for (const name of names) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    seen.set(file.generation, (seen.get(file.generation) ?? 0) + 1);
  }
  return [...seen].filter(([, files]) => files === 2).map(([g]) => g).sort((a, b) => a - b);
}
