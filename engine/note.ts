/**
 * The note that a holder leaves in its lock file, so that messages can name it.
 * A hint: it may be out of date, and nothing is decided by it.
 *
 * @module
 */

import type { LockHolder } from "./errors.ts";
import type { File } from "./file.ts";

/** Notes are padded to one length, so that a shorter one leaves no rest of a longer. */
const NOTE_BYTES = 512;
const BLANK = note("");
/** What may be written over: nothing, a blank, a note. */
const OURS_REGEXP = /^(?:[\s\0]*$|\{"pid":)/;

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

function readText(file: File): string {
  const bytes = new Uint8Array(NOTE_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, file.readAt(bytes, 0)));
}

function write(file: File, bytes: () => Uint8Array): void {
  try {
    // Whoever locks a file that has a content of its own keeps that content.
    if (OURS_REGEXP.test(readText(file))) file.writeAt(bytes(), 0);
  } catch {
    // A full disk must not cost more than the hint.
  }
}

/** Notes this process as the holder from now on. The lock on `file` is held. */
export function writeNote(file: File): void {
  write(file, () => {
    return note(JSON.stringify({ pid: Deno.pid, host: hostName(), since: new Date() }));
  });
}

/** Takes the note back. The lock on `file` is held. */
export function clearNote(file: File): void {
  write(file, () => BLANK);
}

/** What the last holder noted; `undefined` if there is no note, or none that makes sense. */
export function readNote(file: File): LockHolder | undefined {
  try {
    const { pid, host, since } = JSON.parse(readText(file));
    const date = new Date(since);
    if (!Number.isSafeInteger(pid) || typeof host !== "string" || isNaN(date.getTime())) return;
    return { pid, host, since: date };
  } catch {
    return undefined;
  }
}
