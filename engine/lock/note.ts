/**
 * The note that a holder leaves in its lock file, so that messages can name it. It is a hint: it
 * may be out of date, and nothing is decided by it.
 *
 * @module
 */

import type { LockHolder } from "../system/errors.ts";
import type { File } from "../system/file.ts";

/** Notes are padded to one length, so that a note always covers the one before. */
export const NOTE_BYTES = 512;
const BLANK = note("");
/** Contents that a note may replace: nothing, a blank, a note. */
const OURS_REGEXP = /^(?:[\s\0]*$|\{"pid":)/;

/** Which note. */
export interface NoteOptions {
  /** Where it begins in the file, which may hold notes of several locks. */
  at?: number;
  /** The last commit when the lock was granted; after another commit the note is out of date. */
  sequence?: number;
  /** The holder; the default is this process. */
  pid?: number;
}

let host: string | undefined;

function note(text: string): Uint8Array {
  return new TextEncoder().encode(text.padEnd(NOTE_BYTES - 1) + "\n");
}

/** The name of this host; empty if the permission to read it is missing. */
function hostName(): string {
  if (host !== undefined) return host;
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
  return host = state === "granted" ? Deno.hostname().slice(0, 255) : "";
}

function readText(file: File, { at = 0 }: NoteOptions): string {
  const bytes = new Uint8Array(NOTE_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, file.readAt(bytes, at)));
}

function write(file: File, bytes: () => Uint8Array, options: NoteOptions): void {
  try {
    // The user may lock a file that has a content of its own: keep it.
    if (OURS_REGEXP.test(readText(file, options))) file.writeAt(bytes(), options.at ?? 0);
  } catch {
    // A failure, of a full disk for instance, costs no more than the hint.
  }
}

/** Notes the holder from now on. The caller holds the lock. */
export function writeNote(file: File, options: NoteOptions = {}): void {
  const { sequence, pid = Deno.pid } = options;
  write(file, () => {
    return note(JSON.stringify({ pid, host: hostName(), since: new Date(), sequence }));
  }, options);
}

/** Removes the note. The caller holds the lock. */
export function clearNote(file: File, options: NoteOptions = {}): void {
  write(file, () => BLANK, options);
}

/** The note of the last holder; `undefined` if there is none, or none that can be read. */
export function readNote(file: File, options: NoteOptions = {}): LockHolder | undefined {
  try {
    const { pid, host, since, sequence } = JSON.parse(readText(file, options));
    const date = new Date(since);
    if (!Number.isSafeInteger(pid) || typeof host !== "string" || isNaN(date.getTime())) return;
    if (sequence !== options.sequence) return;
    return { pid, host, since: date };
  } catch {
    return undefined;
  }
}
