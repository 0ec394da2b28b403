/**
 * The note that a holder leaves in its lock file, so that messages can name it.
 * A hint: it may be out of date, and nothing is decided by it.
 *
 * @module
 */

import type { LockHolder } from "../system/errors.ts";
import type { File } from "../system/file.ts";

/** Notes are padded to one length, so that a shorter one leaves no rest of a longer. */
export const NOTE_BYTES = 512;
const BLANK = note("");
/** What may be written over: nothing, a blank, a note. */
const OURS_REGEXP = /^(?:[\s\0]*$|\{"pid":)/;

/** Which note of a file. */
export interface NoteOptions {
  /** Where it begins: a file may hold several, of several locks. */
  at?: number;
  /** The last commit when the lock was granted: after another one, the note is out of date. */
  sequence?: number;
  /** The process that holds the lock, if it is not this one. */
  pid?: number;
}

let host: string | undefined;

function note(text: string): Uint8Array {
  return new TextEncoder().encode(text.padEnd(NOTE_BYTES - 1) + "\n");
}

/** The name of this host, empty where asking for it would take a permission. */
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
    // Whoever locks a file that has a content of its own keeps that content.
    if (OURS_REGEXP.test(readText(file, options))) file.writeAt(bytes(), options.at ?? 0);
  } catch {
    // A full disk must not cost more than the hint.
  }
}

/** Notes this process, or another one, as the holder from now on. The lock is held. */
export function writeNote(file: File, options: NoteOptions = {}): void {
  const { sequence, pid = Deno.pid } = options;
  write(file, () => {
    return note(JSON.stringify({ pid, host: hostName(), since: new Date(), sequence }));
  }, options);
}

/** Takes the note back. The lock is held. */
export function clearNote(file: File, options: NoteOptions = {}): void {
  write(file, () => BLANK, options);
}

/** What the last holder noted; `undefined` if there is no note, or none that makes sense. */
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
